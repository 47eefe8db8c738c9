COPY tensorzero.chat_inference_data (
    id, created_at, input, output, inference_params, extra_body, dynamic_tools,
    dynamic_provider_tools, allowed_tools, tool_choice, parallel_tool_calls
)
FROM STDIN (FORMAT binary)
