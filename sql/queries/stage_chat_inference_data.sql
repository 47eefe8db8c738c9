CREATE TEMPORARY TABLE IF NOT EXISTS staging_chat_inference_data
    (LIKE tensorzero.chat_inference_data INCLUDING DEFAULTS)
    ON COMMIT DELETE ROWS
