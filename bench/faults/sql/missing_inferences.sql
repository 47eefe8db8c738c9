-- Of the ids $1 those that lack their inference, complete, or its model's call.
SELECT seen.id
FROM unnest($1::uuid[]) AS seen (id)
LEFT JOIN tensorzero.chat_inferences i ON i.id = seen.id AND i.output_complete
LEFT JOIN tensorzero.model_inferences m ON m.inference_id = seen.id
WHERE i.id IS NULL OR m.id IS NULL
