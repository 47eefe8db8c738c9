COPY tensorzero.model_inference_data (
    id, created_at, system, input_messages, output, raw_request, raw_response
)
FROM STDIN (FORMAT binary)
