SELECT
    i.id, i.function_name, i.variant_name, i.episode_id, 'chat' AS function_type,
    NULL AS output_schema, d.dynamic_tools::text AS dynamic_tools,
    d.allowed_tools::text AS allowed_tools
FROM tensorzero.chat_inferences i
LEFT JOIN tensorzero.chat_inference_data d ON d.id = i.id AND d.created_at = i.created_at
WHERE i.id = $1 AND i.created_at = $2
UNION ALL
SELECT
    i.id, i.function_name, i.variant_name, i.episode_id, 'json',
    d.output_schema::text, NULL, NULL
FROM tensorzero.json_inferences i
LEFT JOIN tensorzero.json_inference_data d ON d.id = i.id AND d.created_at = i.created_at
WHERE i.id = $1 AND i.created_at = $2
LIMIT 1
