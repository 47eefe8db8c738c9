INSERT INTO tensorzero.model_inferences (
    id, inference_id, input_tokens, output_tokens, response_time_ms, model_name,
    model_provider_name, ttft_ms, cached, finish_reason, snapshot_hash, created_at,
    cost, provider_cache_read_input_tokens, provider_cache_write_input_tokens,
    function_name, variant_name
)
SELECT
    id, inference_id, input_tokens, output_tokens, response_time_ms, model_name,
    model_provider_name, ttft_ms, cached, finish_reason, snapshot_hash, created_at,
    cost, provider_cache_read_input_tokens, provider_cache_write_input_tokens,
    function_name, variant_name
FROM staging_model_inferences
ON CONFLICT (id, created_at) DO NOTHING
