INSERT INTO tensorzero.json_inference_data (
    id, created_at, input, output, output_schema, inference_params, extra_body,
    auxiliary_content
)
SELECT
    id, created_at, input, output, output_schema, inference_params, extra_body,
    auxiliary_content
FROM staging_json_inference_data
ON CONFLICT (id, created_at) DO NOTHING
