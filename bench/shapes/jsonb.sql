-- Each json column as jsonb, as TensorZero has it.
ALTER TABLE tensorzero.chat_inference_data
    ALTER input TYPE jsonb,
    ALTER output TYPE jsonb,
    ALTER inference_params TYPE jsonb,
    ALTER extra_body TYPE jsonb,
    ALTER dynamic_tools TYPE jsonb,
    ALTER dynamic_provider_tools TYPE jsonb,
    ALTER allowed_tools TYPE jsonb,
    ALTER tool_choice TYPE jsonb;
ALTER TABLE tensorzero.model_inference_data
    ALTER input_messages TYPE jsonb,
    ALTER output TYPE jsonb;
ALTER TABLE tensorzero.exchanges
    ALTER attempts TYPE jsonb;
