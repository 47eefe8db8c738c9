CREATE TEMPORARY TABLE IF NOT EXISTS staging_model_inferences
    (LIKE tensorzero.model_inferences INCLUDING DEFAULTS)
    ON COMMIT DELETE ROWS
