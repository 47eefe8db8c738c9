-- Bytes of each index with all its partitions.
SELECT
    root.relname AS name,
    owner.relname AS table_name,
    sum(pg_relation_size(leaf.oid))::bigint AS bytes
FROM pg_index i
JOIN pg_class root ON root.oid = i.indexrelid AND NOT root.relispartition
JOIN pg_class owner ON owner.oid = i.indrelid
JOIN pg_class leaf ON leaf.relkind = 'i' AND (
    leaf.oid = root.oid OR leaf.oid IN (SELECT relid FROM pg_partition_tree(root.oid))
)
WHERE root.relnamespace = 'tensorzero'::regnamespace
GROUP BY root.relname, owner.relname
ORDER BY bytes DESC
