-- Bytes of each table with all its partitions; rows as ANALYZE has counted them.
SELECT
    root.relname AS name,
    sum(greatest(leaf.reltuples, 0))::bigint AS rows,
    sum(pg_relation_size(leaf.oid))::bigint AS heap,
    sum(pg_table_size(leaf.oid) - pg_relation_size(leaf.oid))::bigint AS beside,
    sum(pg_indexes_size(leaf.oid))::bigint AS indexes,
    count(*) FILTER (WHERE leaf.reltuples > 0) AS parts
FROM pg_class root
JOIN pg_class leaf ON leaf.relkind = 'r' AND (
    leaf.oid = root.oid OR leaf.oid IN (SELECT relid FROM pg_partition_tree(root.oid))
)
WHERE root.relnamespace = 'tensorzero'::regnamespace
  AND root.relkind IN ('r', 'p') AND NOT root.relispartition
GROUP BY root.relname
HAVING sum(greatest(leaf.reltuples, 0)) > 0
ORDER BY sum(pg_total_relation_size(leaf.oid)) DESC
