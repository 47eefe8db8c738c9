INSERT INTO tensorzero.json_inferences (
    id, function_name, variant_name, episode_id, processing_time_ms, ttft_ms, tags,
    snapshot_hash, created_at, output_complete
)
SELECT
    id, function_name, variant_name, episode_id, processing_time_ms, ttft_ms, tags,
    snapshot_hash, created_at, output_complete
FROM staging_json_inferences
ON CONFLICT (id, created_at) DO NOTHING
