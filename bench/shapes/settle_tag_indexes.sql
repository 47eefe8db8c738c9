-- GIN puts work off; a measurement may not.
SELECT gin_clean_pending_list(c.oid)
FROM pg_class c
JOIN pg_am a ON a.oid = c.relam
WHERE a.amname = 'gin' AND c.relkind = 'i' AND c.relnamespace = 'tensorzero'::regnamespace
