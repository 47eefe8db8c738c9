INSERT INTO tensorzero.chat_inference_data (
    id, input, output, inference_params, extra_body, dynamic_tools, dynamic_provider_tools,
    allowed_tools, tool_choice, parallel_tool_calls, created_at
)
SELECT
    id, input, output, inference_params, extra_body, dynamic_tools, dynamic_provider_tools,
    allowed_tools, tool_choice, parallel_tool_calls, created_at
FROM staging_chat_inference_data
ON CONFLICT (id, created_at) DO NOTHING
