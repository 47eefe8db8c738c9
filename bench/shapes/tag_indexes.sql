-- The indexes on tags that TensorZero has.
CREATE INDEX ON tensorzero.chat_inferences USING gin (tags);
CREATE INDEX ON tensorzero.exchanges USING gin (tags);
