-- "Of the last day" without reading the month: the tables of calls by time. Rows come in the order of
-- their time, so a BRIN index tells whole megabytes apart; it has a few kilobytes for each partition,
-- where a B-tree would have as many entries as there are rows. Ranges are summed up by autovacuum.

CREATE INDEX chat_inferences_created ON tensorzero.chat_inferences
    USING brin (created_at) WITH (autosummarize = on);
CREATE INDEX json_inferences_created ON tensorzero.json_inferences
    USING brin (created_at) WITH (autosummarize = on);
CREATE INDEX model_inferences_created ON tensorzero.model_inferences
    USING brin (created_at) WITH (autosummarize = on);
CREATE INDEX exchanges_created ON tensorzero.exchanges
    USING brin (created_at) WITH (autosummarize = on);
