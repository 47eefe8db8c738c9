COPY tensorzero.model_inferences (
    id, created_at, inference_id, function_name, variant_name, snapshot_hash, model_name,
    model_provider_name, cached, input_tokens, output_tokens, response_time_ms, ttft_ms,
    finish_reason, cost, provider_cache_read_input_tokens,
    provider_cache_write_input_tokens
)
FROM STDIN (FORMAT binary)
