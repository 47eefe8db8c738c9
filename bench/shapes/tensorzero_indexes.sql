-- The indexes of TensorZero that we leave out.
CREATE INDEX ON tensorzero.chat_inferences (function_name, id);
CREATE INDEX ON tensorzero.chat_inferences USING gin (tags);
CREATE INDEX ON tensorzero.model_inferences (model_name, model_provider_name, created_at);
