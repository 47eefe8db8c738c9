-- Nothing but primary keys: what the other indexes cost.
DROP INDEX tensorzero.chat_inferences_function;
DROP INDEX tensorzero.chat_inferences_episode;
DROP INDEX tensorzero.model_inferences_inference;
DROP INDEX tensorzero.exchanges_provider_response;
DROP INDEX tensorzero.exchanges_episode;
