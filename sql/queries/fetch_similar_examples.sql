SELECT input, output, embedding <=> $3::text::vector AS distance
FROM tensorzero.dicl_examples
WHERE function_name = $1 AND variant_name = $2
ORDER BY distance
LIMIT $4
