CREATE TEMPORARY TABLE IF NOT EXISTS staging_model_inference_data
    (LIKE tensorzero.model_inference_data INCLUDING DEFAULTS)
    ON COMMIT DELETE ROWS
