-- Nothing but primary keys: what the other indexes cost.
DROP INDEX tensorzero.chat_inferences_function;
DROP INDEX tensorzero.chat_inferences_episode;
DROP INDEX tensorzero.model_inferences_inference;
DROP INDEX tensorzero.exchanges_provider_response;
DROP INDEX tensorzero.exchanges_episode;
DROP INDEX tensorzero.chat_inferences_created;
DROP INDEX tensorzero.json_inferences_created;
DROP INDEX tensorzero.model_inferences_created;
DROP INDEX tensorzero.exchanges_created;
