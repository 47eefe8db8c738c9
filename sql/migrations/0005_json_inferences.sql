-- Inferences of JSON functions, in TensorZero's tables: as those of chat functions, with an output
-- schema in place of tools. Ordered JSON is json, tags are jsonb.
--
-- The indexes are all of TensorZero's. `chat_inferences` goes without those by (function_name, id)
-- and by tags: each row that is relayed would pay for them.

CREATE TABLE tensorzero.json_inferences (
    id uuid NOT NULL,
    function_name text NOT NULL,
    variant_name text NOT NULL,
    episode_id uuid NOT NULL,
    processing_time_ms integer,
    ttft_ms integer,
    tags jsonb NOT NULL DEFAULT '{}',
    snapshot_hash bytea,
    created_at timestamptz NOT NULL,
    -- Ours: false when the stream broke off, so that listings can leave the output out.
    output_complete boolean NOT NULL DEFAULT true,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX json_inferences_function ON tensorzero.json_inferences
    (function_name, variant_name, episode_id);
CREATE INDEX json_inferences_episode ON tensorzero.json_inferences (episode_id);
CREATE INDEX json_inferences_function_id ON tensorzero.json_inferences (function_name, id);
CREATE INDEX json_inferences_tags ON tensorzero.json_inferences USING gin (tags);

CREATE TABLE tensorzero.json_inference_data (
    id uuid NOT NULL,
    input json NOT NULL,
    output json NOT NULL,
    output_schema json NOT NULL,
    inference_params json NOT NULL,
    extra_body json NOT NULL DEFAULT '[]',
    auxiliary_content json NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.json_inferences_default
    PARTITION OF tensorzero.json_inferences DEFAULT;
CREATE TABLE tensorzero.json_inference_data_default
    PARTITION OF tensorzero.json_inference_data DEFAULT;

INSERT INTO tensorzero.zeroproxy_partitioned (name, width, retention) VALUES
    ('json_inferences', 'month', 'metadata'),
    ('json_inference_data', 'day', 'data');
