SELECT count(*)
FROM (SELECT 1 FROM tensorzero.exchanges LIMIT 1) AS one,
    (SELECT 1 FROM tensorzero.chat_inference_data LIMIT 1) AS two,
    (SELECT 1 FROM tensorzero.json_inference_data LIMIT 1) AS three,
    (SELECT 1 FROM tensorzero.model_inference_data LIMIT 1) AS four
