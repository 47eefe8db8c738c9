-- Bytes on disk of tables and of indexes, and the exchanges in them.
SELECT
    sum(pg_table_size(c.oid))::bigint AS tables,
    sum(pg_indexes_size(c.oid))::bigint AS indexes,
    (SELECT count(*) FROM tensorzero.exchanges) AS exchanges
FROM pg_class c
WHERE c.relkind = 'r' AND c.relispartition
  AND c.relnamespace = 'tensorzero'::regnamespace
