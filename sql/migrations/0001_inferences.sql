-- The inference tables of TensorZero (its names and columns), and our `exchanges`.
--
-- Ordered JSON is json: key order, duplicate keys and the spelling of numbers survive. jsonb only
-- where order never matters (tags). Raw bytes are bytea. `created_at` is always the time inside the
-- UUIDv7 `id`, so that a look-up by id names the partition and a repeated insert meets its own row.
-- Metadata is partitioned by month, payloads by day, so that payloads can expire earlier. The
-- default partitions are for rows that nobody foresaw; they stay empty.

CREATE SCHEMA IF NOT EXISTS tensorzero;

CREATE TABLE tensorzero.chat_inferences (
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

CREATE INDEX chat_inferences_function ON tensorzero.chat_inferences
    (function_name, variant_name, episode_id);
CREATE INDEX chat_inferences_episode ON tensorzero.chat_inferences (episode_id);

CREATE TABLE tensorzero.chat_inference_data (
    id uuid NOT NULL,
    input json NOT NULL,
    output json NOT NULL,
    inference_params json NOT NULL,
    extra_body json NOT NULL DEFAULT '[]',
    dynamic_tools json NOT NULL DEFAULT '[]',
    dynamic_provider_tools json NOT NULL DEFAULT '[]',
    allowed_tools json,
    tool_choice json,
    parallel_tool_calls boolean,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.model_inferences (
    id uuid NOT NULL,
    inference_id uuid NOT NULL,
    input_tokens integer,
    output_tokens integer,
    response_time_ms integer,
    model_name text NOT NULL,
    model_provider_name text NOT NULL,
    ttft_ms integer,
    cached boolean NOT NULL DEFAULT false,
    finish_reason text,
    snapshot_hash bytea,
    created_at timestamptz NOT NULL,
    cost numeric(20, 9),
    provider_cache_read_input_tokens integer,
    provider_cache_write_input_tokens integer,
    function_name text NOT NULL DEFAULT '',
    variant_name text NOT NULL DEFAULT '',
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX model_inferences_inference ON tensorzero.model_inferences (inference_id);

CREATE TABLE tensorzero.model_inference_data (
    id uuid NOT NULL,
    raw_request text NOT NULL,
    raw_response text NOT NULL,
    system text,
    input_messages json NOT NULL,
    output json NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.exchanges (
    id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    episode_id uuid NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    endpoint text NOT NULL,
    lane text NOT NULL,
    relay text,
    stream boolean NOT NULL,
    status integer NOT NULL,
    end_reason text NOT NULL,
    error text,
    function_name text,
    variant_assigned text,
    variant_served text,
    variant_pinned boolean NOT NULL,
    model_name text,
    provider_name text,
    attempt_count integer NOT NULL,
    attempts json NOT NULL,
    processing_time_ms integer NOT NULL,
    ttft_ms integer,
    overhead_us integer NOT NULL,
    usage_source text NOT NULL,
    output_complete boolean NOT NULL,
    user_agent text,
    api_key_name text,
    snapshot_hash bytea,
    upstream_request_id text,
    provider_response_id text,
    request_bytes bigint NOT NULL,
    request_sha256 bytea,
    request_body bytea,
    response_bytes bigint NOT NULL,
    response_sha256 bytea,
    response_body bytea,
    response_content_type text,
    tags jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX exchanges_provider_response ON tensorzero.exchanges (provider_response_id)
    WHERE provider_response_id IS NOT NULL;
CREATE INDEX exchanges_episode ON tensorzero.exchanges (episode_id);

CREATE TABLE tensorzero.chat_inferences_default
    PARTITION OF tensorzero.chat_inferences DEFAULT;
CREATE TABLE tensorzero.chat_inference_data_default
    PARTITION OF tensorzero.chat_inference_data DEFAULT;
CREATE TABLE tensorzero.model_inferences_default
    PARTITION OF tensorzero.model_inferences DEFAULT;
CREATE TABLE tensorzero.model_inference_data_default
    PARTITION OF tensorzero.model_inference_data DEFAULT;
CREATE TABLE tensorzero.exchanges_default
    PARTITION OF tensorzero.exchanges DEFAULT;
