SELECT output::text FROM tensorzero.chat_inference_data WHERE id = $1 AND created_at = $2
UNION ALL
SELECT output::text FROM tensorzero.json_inference_data WHERE id = $1 AND created_at = $2
LIMIT 1
