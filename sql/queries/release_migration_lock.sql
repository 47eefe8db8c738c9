SELECT pg_advisory_unlock(hashtext('zeroproxy migrations'))
