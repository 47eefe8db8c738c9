COPY tensorzero.exchanges (
    id, created_at, episode_id, method, path, endpoint, lane, relay, stream, status,
    end_reason, error, function_name, variant_assigned, variant_served, variant_pinned,
    model_name, provider_name, user_agent, api_key_name, snapshot_hash,
    response_content_type, tags, processing_time_ms, overhead_us, request_bytes,
    response_bytes, attempt_count, ttft_ms, attempts, usage_source, output_complete,
    upstream_request_id, provider_response_id, request_sha256, response_sha256,
    request_parts, request_body, response_body
)
FROM STDIN (FORMAT binary)
