INSERT INTO tensorzero.json_inference_data (
    id, input, output, output_schema, inference_params, extra_body, auxiliary_content,
    created_at
)
SELECT
    id, input, output, output_schema, inference_params, extra_body, auxiliary_content,
    created_at
FROM staging_json_inference_data
ON CONFLICT (id, created_at) DO NOTHING
