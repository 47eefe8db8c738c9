COPY tensorzero.json_inference_data (
    id, created_at, input, output, output_schema, inference_params, extra_body,
    auxiliary_content
)
FROM STDIN (FORMAT binary)
