INSERT INTO tensorzero.model_inference_data (
    id, raw_request, raw_response, system, input_messages, output, created_at
)
SELECT
    id, raw_request, raw_response, system, input_messages, output, created_at
FROM staging_model_inference_data
ON CONFLICT (id, created_at) DO NOTHING
