CREATE TEMPORARY TABLE IF NOT EXISTS staging_json_inferences
    (LIKE tensorzero.json_inferences INCLUDING DEFAULTS)
    ON COMMIT DELETE ROWS
