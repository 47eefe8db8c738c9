SET LOCAL lock_timeout = '300ms'
