CREATE TEMPORARY TABLE IF NOT EXISTS staging_chat_inferences
    (LIKE tensorzero.chat_inferences INCLUDING DEFAULTS)
    ON COMMIT DELETE ROWS
