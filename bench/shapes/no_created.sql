-- Without the indexes by time: what these cost.
DROP INDEX tensorzero.chat_inferences_created;
DROP INDEX tensorzero.json_inferences_created;
DROP INDEX tensorzero.model_inferences_created;
DROP INDEX tensorzero.exchanges_created;
