-- Of the ids $1 those that have no exchange.
SELECT seen.id
FROM unnest($1::uuid[]) AS seen (id)
LEFT JOIN tensorzero.exchanges e ON e.id = seen.id
WHERE e.id IS NULL
