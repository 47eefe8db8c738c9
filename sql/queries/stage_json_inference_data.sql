CREATE TEMPORARY TABLE IF NOT EXISTS staging_json_inference_data
    (LIKE tensorzero.json_inference_data INCLUDING DEFAULTS)
    ON COMMIT DELETE ROWS
