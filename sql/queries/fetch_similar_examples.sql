-- The vector is read once, by a query of its own: in a plan that is kept for any parameters, its text
-- would be read again for each row.
SELECT input, output, embedding <=> (SELECT $3::text::vector) AS distance
FROM tensorzero.dicl_examples
WHERE function_name = $1 AND variant_name = $2
ORDER BY distance
LIMIT $4
