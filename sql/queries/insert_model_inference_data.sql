INSERT INTO tensorzero.model_inference_data (
    id, created_at, system, input_messages, output, raw_request, raw_response
)
SELECT
    id, created_at, system, input_messages, output, raw_request, raw_response
FROM staging_model_inference_data
ON CONFLICT (id, created_at) DO NOTHING
