COPY tensorzero.chat_inferences (
    id, created_at, episode_id, function_name, variant_name, snapshot_hash, tags,
    processing_time_ms, ttft_ms, output_complete
)
FROM STDIN (FORMAT binary)
