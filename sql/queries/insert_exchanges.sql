INSERT INTO tensorzero.exchanges (
    id, created_at, episode_id, method, path, endpoint, lane, relay, stream, status,
    end_reason, error, function_name, variant_assigned, variant_served, variant_pinned,
    model_name, provider_name, attempt_count, attempts, processing_time_ms, ttft_ms,
    overhead_us, usage_source, output_complete, user_agent, api_key_name, snapshot_hash,
    upstream_request_id, provider_response_id, request_bytes, request_sha256, request_body,
    response_bytes, response_sha256, response_body, response_content_type, tags,
    request_parts
)
SELECT
    id, created_at, episode_id, method, path, endpoint, lane, relay, stream, status,
    end_reason, error, function_name, variant_assigned, variant_served, variant_pinned,
    model_name, provider_name, attempt_count, attempts, processing_time_ms, ttft_ms,
    overhead_us, usage_source, output_complete, user_agent, api_key_name, snapshot_hash,
    upstream_request_id, provider_response_id, request_bytes, request_sha256, request_body,
    response_bytes, response_sha256, response_body, response_content_type, tags,
    request_parts
FROM staging_exchanges
ON CONFLICT (id, created_at) DO NOTHING
