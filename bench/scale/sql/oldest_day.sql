-- Where the oldest day of payloads ends.
SELECT min(substring(
    pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz)
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'tensorzero.exchanges'::regclass
