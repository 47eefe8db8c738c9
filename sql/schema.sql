-- What all migrations make, for reading: nothing loads this file.
-- Partitions for days and months are made while the program runs.
-- (Made by `python -m tests.schema_dump`.)

CREATE SCHEMA tensorzero;

CREATE FUNCTION tensorzero.zeroproxy_default_rows(bound integer) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
DECLARE
    parent text;
    rows bigint;
    total bigint := 0;
BEGIN
    FOR parent IN SELECT name FROM tensorzero.zeroproxy_partitioned LOOP
        EXECUTE format('SELECT count(*) FROM (SELECT 1 FROM tensorzero.%I LIMIT $1) AS counted',
            parent || '_default') INTO rows USING bound;
        total := total + rows;
    END LOOP;
    RETURN total;
END $_$;

CREATE FUNCTION tensorzero.zeroproxy_drop_partition(parent text, before timestamp with time zone) RETURNS text
    LANGUAGE plpgsql
    AS $$
DECLARE
    child text;
BEGIN
    SELECT bounds.name INTO child
    FROM (
        SELECT
            c.relname AS name,
            substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz
                AS upper
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = format('tensorzero.%I', parent)::regclass
    ) AS bounds
    WHERE bounds.upper <= before
    ORDER BY bounds.upper
    LIMIT 1;
    IF child IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS tensorzero.%I', child);
    RETURN child;
END $$;

CREATE FUNCTION tensorzero.zeroproxy_ensure_dicl_examples() RETURNS boolean
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF to_regclass('tensorzero.dicl_examples') IS NOT NULL THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS vector;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'pgvector cannot be used: %', SQLERRM;
        END;
    END IF;
    IF to_regtype('vector') IS NULL THEN
        RETURN false;
    END IF;
    CREATE TABLE tensorzero.dicl_examples (
        id uuid PRIMARY KEY,
        function_name text NOT NULL,
        variant_name text NOT NULL,
        namespace text NOT NULL DEFAULT '',
        input text NOT NULL,
        output text NOT NULL,
        embedding vector NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX idx_dicl_examples_function_variant_namespace
        ON tensorzero.dicl_examples (function_name, variant_name, namespace);
    CREATE INDEX idx_dicl_examples_created_at ON tensorzero.dicl_examples (created_at);
    RETURN true;
END $$;

CREATE FUNCTION tensorzero.zeroproxy_ensure_partition(parent text, day date) RETURNS boolean
    LANGUAGE plpgsql
    SET lock_timeout TO '2s'
    AS $_$
DECLARE
    unit text := (SELECT width FROM tensorzero.zeroproxy_partitioned WHERE name = parent);
    begins timestamp := date_trunc(unit, day::timestamp);
    lower timestamptz := begins AT TIME ZONE 'UTC';
    upper timestamptz := (begins + ('1 ' || unit)::interval) AT TIME ZONE 'UTC';
    child text := parent || to_char(begins, CASE unit WHEN 'day' THEN '_YYYY_MM_DD'
        ELSE '_YYYY_MM' END);
    rest text := parent || '_default';
BEGIN
    IF to_regclass(format('tensorzero.%I', child)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE tensorzero.%I IN ACCESS EXCLUSIVE MODE', rest);
    IF to_regclass(format('tensorzero.%I', child)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE tensorzero.%I (LIKE tensorzero.%I INCLUDING DEFAULTS)',
        child, parent);
    EXECUTE format('WITH moved AS (DELETE FROM tensorzero.%I WHERE created_at >= $1 '
        'AND created_at < $2 RETURNING *) INSERT INTO tensorzero.%I SELECT * FROM moved',
        rest, child) USING lower, upper;
    EXECUTE format('ALTER TABLE tensorzero.%I ATTACH PARTITION tensorzero.%I '
        'FOR VALUES FROM (%L) TO (%L)', parent, child, lower, upper);
    RETURN true;
EXCEPTION WHEN invalid_object_definition THEN
    RETURN false;
END $_$;

CREATE TABLE tensorzero.boolean_metric_feedback (
    id uuid NOT NULL,
    target_id uuid NOT NULL,
    metric_name text NOT NULL,
    value boolean NOT NULL,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    snapshot_hash bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE tensorzero.chat_inference_data (
    id uuid NOT NULL,
    input json NOT NULL,
    output json NOT NULL,
    inference_params json NOT NULL,
    extra_body json DEFAULT '[]'::json NOT NULL,
    dynamic_tools json DEFAULT '[]'::json NOT NULL,
    dynamic_provider_tools json DEFAULT '[]'::json NOT NULL,
    allowed_tools json,
    tool_choice json,
    parallel_tool_calls boolean,
    created_at timestamp with time zone NOT NULL
)
PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.chat_inference_data_default (
    id uuid CONSTRAINT chat_inference_data_id_not_null NOT NULL,
    input json CONSTRAINT chat_inference_data_input_not_null NOT NULL,
    output json CONSTRAINT chat_inference_data_output_not_null NOT NULL,
    inference_params json CONSTRAINT chat_inference_data_inference_params_not_null NOT NULL,
    extra_body json DEFAULT '[]'::json CONSTRAINT chat_inference_data_extra_body_not_null NOT NULL,
    dynamic_tools json DEFAULT '[]'::json CONSTRAINT chat_inference_data_dynamic_tools_not_null NOT NULL,
    dynamic_provider_tools json DEFAULT '[]'::json CONSTRAINT chat_inference_data_dynamic_provider_tools_not_null NOT NULL,
    allowed_tools json,
    tool_choice json,
    parallel_tool_calls boolean,
    created_at timestamp with time zone CONSTRAINT chat_inference_data_created_at_not_null NOT NULL
);

CREATE TABLE tensorzero.chat_inferences (
    id uuid NOT NULL,
    function_name text NOT NULL,
    variant_name text NOT NULL,
    episode_id uuid NOT NULL,
    processing_time_ms integer,
    ttft_ms integer,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    snapshot_hash bytea,
    created_at timestamp with time zone NOT NULL,
    output_complete boolean DEFAULT true NOT NULL
)
PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.chat_inferences_default (
    id uuid CONSTRAINT chat_inferences_id_not_null NOT NULL,
    function_name text CONSTRAINT chat_inferences_function_name_not_null NOT NULL,
    variant_name text CONSTRAINT chat_inferences_variant_name_not_null NOT NULL,
    episode_id uuid CONSTRAINT chat_inferences_episode_id_not_null NOT NULL,
    processing_time_ms integer,
    ttft_ms integer,
    tags jsonb DEFAULT '{}'::jsonb CONSTRAINT chat_inferences_tags_not_null NOT NULL,
    snapshot_hash bytea,
    created_at timestamp with time zone CONSTRAINT chat_inferences_created_at_not_null NOT NULL,
    output_complete boolean DEFAULT true CONSTRAINT chat_inferences_output_complete_not_null NOT NULL
);

CREATE TABLE tensorzero.comment_feedback (
    id uuid NOT NULL,
    target_id uuid NOT NULL,
    target_type text NOT NULL,
    value text NOT NULL,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    snapshot_hash bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT comment_feedback_target_type_check CHECK ((target_type = ANY (ARRAY['inference'::text, 'episode'::text])))
);

CREATE TABLE tensorzero.config_snapshots (
    hash bytea NOT NULL,
    config text NOT NULL,
    extra_templates jsonb DEFAULT '{}'::jsonb NOT NULL,
    tensorzero_version text NOT NULL,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE tensorzero.demonstration_feedback (
    id uuid NOT NULL,
    inference_id uuid NOT NULL,
    value json NOT NULL,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    snapshot_hash bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE tensorzero.deployment_id (
    deployment_id text NOT NULL,
    dummy integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT deployment_id_dummy_check CHECK ((dummy = 0))
);

CREATE TABLE tensorzero.dicl_examples (
    id uuid NOT NULL,
    function_name text NOT NULL,
    variant_name text NOT NULL,
    namespace text DEFAULT ''::text NOT NULL,
    input text NOT NULL,
    output text NOT NULL,
    embedding public.vector NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE tensorzero.exchanges (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
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
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    request_parts json
)
PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.exchanges_default (
    id uuid CONSTRAINT exchanges_id_not_null NOT NULL,
    created_at timestamp with time zone CONSTRAINT exchanges_created_at_not_null NOT NULL,
    episode_id uuid CONSTRAINT exchanges_episode_id_not_null NOT NULL,
    method text CONSTRAINT exchanges_method_not_null NOT NULL,
    path text CONSTRAINT exchanges_path_not_null NOT NULL,
    endpoint text CONSTRAINT exchanges_endpoint_not_null NOT NULL,
    lane text CONSTRAINT exchanges_lane_not_null NOT NULL,
    relay text,
    stream boolean CONSTRAINT exchanges_stream_not_null NOT NULL,
    status integer CONSTRAINT exchanges_status_not_null NOT NULL,
    end_reason text CONSTRAINT exchanges_end_reason_not_null NOT NULL,
    error text,
    function_name text,
    variant_assigned text,
    variant_served text,
    variant_pinned boolean CONSTRAINT exchanges_variant_pinned_not_null NOT NULL,
    model_name text,
    provider_name text,
    attempt_count integer CONSTRAINT exchanges_attempt_count_not_null NOT NULL,
    attempts json CONSTRAINT exchanges_attempts_not_null NOT NULL,
    processing_time_ms integer CONSTRAINT exchanges_processing_time_ms_not_null NOT NULL,
    ttft_ms integer,
    overhead_us integer CONSTRAINT exchanges_overhead_us_not_null NOT NULL,
    usage_source text CONSTRAINT exchanges_usage_source_not_null NOT NULL,
    output_complete boolean CONSTRAINT exchanges_output_complete_not_null NOT NULL,
    user_agent text,
    api_key_name text,
    snapshot_hash bytea,
    upstream_request_id text,
    provider_response_id text,
    request_bytes bigint CONSTRAINT exchanges_request_bytes_not_null NOT NULL,
    request_sha256 bytea,
    request_body bytea,
    response_bytes bigint CONSTRAINT exchanges_response_bytes_not_null NOT NULL,
    response_sha256 bytea,
    response_body bytea,
    response_content_type text,
    tags jsonb DEFAULT '{}'::jsonb CONSTRAINT exchanges_tags_not_null NOT NULL,
    request_parts json
);

CREATE TABLE tensorzero.feedback_rejected (
    id uuid NOT NULL,
    metric_name text NOT NULL,
    metric_type text NOT NULL,
    level text NOT NULL,
    target_id uuid,
    response_id text,
    value double precision,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    snapshot_hash bytea,
    reason text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    rejected_at timestamp with time zone DEFAULT now() NOT NULL,
    text_value text
);

CREATE TABLE tensorzero.float_metric_feedback (
    id uuid NOT NULL,
    target_id uuid NOT NULL,
    metric_name text NOT NULL,
    value double precision NOT NULL,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    snapshot_hash bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE tensorzero.inference_evaluation_human_feedback (
    feedback_id uuid NOT NULL,
    metric_name text NOT NULL,
    datapoint_id uuid NOT NULL,
    output text NOT NULL,
    value text NOT NULL,
    evaluator_inference_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE tensorzero.json_inference_data (
    id uuid NOT NULL,
    input json NOT NULL,
    output json NOT NULL,
    output_schema json NOT NULL,
    inference_params json NOT NULL,
    extra_body json DEFAULT '[]'::json NOT NULL,
    auxiliary_content json NOT NULL,
    created_at timestamp with time zone NOT NULL
)
PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.json_inference_data_default (
    id uuid CONSTRAINT json_inference_data_id_not_null NOT NULL,
    input json CONSTRAINT json_inference_data_input_not_null NOT NULL,
    output json CONSTRAINT json_inference_data_output_not_null NOT NULL,
    output_schema json CONSTRAINT json_inference_data_output_schema_not_null NOT NULL,
    inference_params json CONSTRAINT json_inference_data_inference_params_not_null NOT NULL,
    extra_body json DEFAULT '[]'::json CONSTRAINT json_inference_data_extra_body_not_null NOT NULL,
    auxiliary_content json CONSTRAINT json_inference_data_auxiliary_content_not_null NOT NULL,
    created_at timestamp with time zone CONSTRAINT json_inference_data_created_at_not_null NOT NULL
);

CREATE TABLE tensorzero.json_inferences (
    id uuid NOT NULL,
    function_name text NOT NULL,
    variant_name text NOT NULL,
    episode_id uuid NOT NULL,
    processing_time_ms integer,
    ttft_ms integer,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    snapshot_hash bytea,
    created_at timestamp with time zone NOT NULL,
    output_complete boolean DEFAULT true NOT NULL
)
PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.json_inferences_default (
    id uuid CONSTRAINT json_inferences_id_not_null NOT NULL,
    function_name text CONSTRAINT json_inferences_function_name_not_null NOT NULL,
    variant_name text CONSTRAINT json_inferences_variant_name_not_null NOT NULL,
    episode_id uuid CONSTRAINT json_inferences_episode_id_not_null NOT NULL,
    processing_time_ms integer,
    ttft_ms integer,
    tags jsonb DEFAULT '{}'::jsonb CONSTRAINT json_inferences_tags_not_null NOT NULL,
    snapshot_hash bytea,
    created_at timestamp with time zone CONSTRAINT json_inferences_created_at_not_null NOT NULL,
    output_complete boolean DEFAULT true CONSTRAINT json_inferences_output_complete_not_null NOT NULL
);

CREATE TABLE tensorzero.model_inference_data (
    id uuid NOT NULL,
    raw_request text NOT NULL,
    raw_response text NOT NULL,
    system text,
    input_messages json NOT NULL,
    output json NOT NULL,
    created_at timestamp with time zone NOT NULL
)
PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.model_inference_data_default (
    id uuid CONSTRAINT model_inference_data_id_not_null NOT NULL,
    raw_request text CONSTRAINT model_inference_data_raw_request_not_null NOT NULL,
    raw_response text CONSTRAINT model_inference_data_raw_response_not_null NOT NULL,
    system text,
    input_messages json CONSTRAINT model_inference_data_input_messages_not_null NOT NULL,
    output json CONSTRAINT model_inference_data_output_not_null NOT NULL,
    created_at timestamp with time zone CONSTRAINT model_inference_data_created_at_not_null NOT NULL
);

CREATE TABLE tensorzero.model_inferences (
    id uuid NOT NULL,
    inference_id uuid NOT NULL,
    input_tokens integer,
    output_tokens integer,
    response_time_ms integer,
    model_name text NOT NULL,
    model_provider_name text NOT NULL,
    ttft_ms integer,
    cached boolean DEFAULT false NOT NULL,
    finish_reason text,
    snapshot_hash bytea,
    created_at timestamp with time zone NOT NULL,
    cost numeric(20,9),
    provider_cache_read_input_tokens integer,
    provider_cache_write_input_tokens integer,
    function_name text DEFAULT ''::text NOT NULL,
    variant_name text DEFAULT ''::text NOT NULL
)
PARTITION BY RANGE (created_at);

CREATE TABLE tensorzero.model_inferences_default (
    id uuid CONSTRAINT model_inferences_id_not_null NOT NULL,
    inference_id uuid CONSTRAINT model_inferences_inference_id_not_null NOT NULL,
    input_tokens integer,
    output_tokens integer,
    response_time_ms integer,
    model_name text CONSTRAINT model_inferences_model_name_not_null NOT NULL,
    model_provider_name text CONSTRAINT model_inferences_model_provider_name_not_null NOT NULL,
    ttft_ms integer,
    cached boolean DEFAULT false CONSTRAINT model_inferences_cached_not_null NOT NULL,
    finish_reason text,
    snapshot_hash bytea,
    created_at timestamp with time zone CONSTRAINT model_inferences_created_at_not_null NOT NULL,
    cost numeric(20,9),
    provider_cache_read_input_tokens integer,
    provider_cache_write_input_tokens integer,
    function_name text DEFAULT ''::text CONSTRAINT model_inferences_function_name_not_null NOT NULL,
    variant_name text DEFAULT ''::text CONSTRAINT model_inferences_variant_name_not_null NOT NULL
);

CREATE TABLE tensorzero.retention_config (
    key text NOT NULL,
    value text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE tensorzero.zeroproxy_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE tensorzero.zeroproxy_partitioned (
    name text NOT NULL,
    width text NOT NULL,
    retention text NOT NULL,
    CONSTRAINT zeroproxy_partitioned_retention_check CHECK ((retention = ANY (ARRAY['metadata'::text, 'data'::text]))),
    CONSTRAINT zeroproxy_partitioned_width_check CHECK ((width = ANY (ARRAY['day'::text, 'month'::text])))
);

ALTER TABLE ONLY tensorzero.chat_inference_data ATTACH PARTITION tensorzero.chat_inference_data_default DEFAULT;

ALTER TABLE ONLY tensorzero.chat_inferences ATTACH PARTITION tensorzero.chat_inferences_default DEFAULT;

ALTER TABLE ONLY tensorzero.exchanges ATTACH PARTITION tensorzero.exchanges_default DEFAULT;

ALTER TABLE ONLY tensorzero.json_inference_data ATTACH PARTITION tensorzero.json_inference_data_default DEFAULT;

ALTER TABLE ONLY tensorzero.json_inferences ATTACH PARTITION tensorzero.json_inferences_default DEFAULT;

ALTER TABLE ONLY tensorzero.model_inference_data ATTACH PARTITION tensorzero.model_inference_data_default DEFAULT;

ALTER TABLE ONLY tensorzero.model_inferences ATTACH PARTITION tensorzero.model_inferences_default DEFAULT;

ALTER TABLE ONLY tensorzero.boolean_metric_feedback
    ADD CONSTRAINT boolean_metric_feedback_pkey PRIMARY KEY (id);

ALTER TABLE ONLY tensorzero.chat_inference_data
    ADD CONSTRAINT chat_inference_data_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.chat_inference_data_default
    ADD CONSTRAINT chat_inference_data_default_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.chat_inferences
    ADD CONSTRAINT chat_inferences_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.chat_inferences_default
    ADD CONSTRAINT chat_inferences_default_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.comment_feedback
    ADD CONSTRAINT comment_feedback_pkey PRIMARY KEY (id);

ALTER TABLE ONLY tensorzero.config_snapshots
    ADD CONSTRAINT config_snapshots_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY tensorzero.demonstration_feedback
    ADD CONSTRAINT demonstration_feedback_pkey PRIMARY KEY (id);

ALTER TABLE ONLY tensorzero.deployment_id
    ADD CONSTRAINT deployment_id_pkey PRIMARY KEY (dummy);

ALTER TABLE ONLY tensorzero.dicl_examples
    ADD CONSTRAINT dicl_examples_pkey PRIMARY KEY (id);

ALTER TABLE ONLY tensorzero.exchanges
    ADD CONSTRAINT exchanges_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.exchanges_default
    ADD CONSTRAINT exchanges_default_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.feedback_rejected
    ADD CONSTRAINT feedback_rejected_pkey PRIMARY KEY (id);

ALTER TABLE ONLY tensorzero.float_metric_feedback
    ADD CONSTRAINT float_metric_feedback_pkey PRIMARY KEY (id);

ALTER TABLE ONLY tensorzero.inference_evaluation_human_feedback
    ADD CONSTRAINT inference_evaluation_human_feedback_pkey PRIMARY KEY (feedback_id);

ALTER TABLE ONLY tensorzero.json_inference_data
    ADD CONSTRAINT json_inference_data_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.json_inference_data_default
    ADD CONSTRAINT json_inference_data_default_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.json_inferences
    ADD CONSTRAINT json_inferences_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.json_inferences_default
    ADD CONSTRAINT json_inferences_default_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.model_inference_data
    ADD CONSTRAINT model_inference_data_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.model_inference_data_default
    ADD CONSTRAINT model_inference_data_default_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.model_inferences
    ADD CONSTRAINT model_inferences_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.model_inferences_default
    ADD CONSTRAINT model_inferences_default_pkey PRIMARY KEY (id, created_at);

ALTER TABLE ONLY tensorzero.retention_config
    ADD CONSTRAINT retention_config_pkey PRIMARY KEY (key);

ALTER TABLE ONLY tensorzero.zeroproxy_migrations
    ADD CONSTRAINT zeroproxy_migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY tensorzero.zeroproxy_partitioned
    ADD CONSTRAINT zeroproxy_partitioned_pkey PRIMARY KEY (name);

CREATE INDEX boolean_metric_feedback_created ON tensorzero.boolean_metric_feedback USING btree (created_at);

CREATE INDEX boolean_metric_feedback_latest ON tensorzero.boolean_metric_feedback USING btree (target_id, metric_name, created_at DESC);

CREATE INDEX boolean_metric_feedback_metric ON tensorzero.boolean_metric_feedback USING btree (metric_name, target_id);

CREATE INDEX boolean_metric_feedback_tags ON tensorzero.boolean_metric_feedback USING gin (tags);

CREATE INDEX chat_inferences_created ON ONLY tensorzero.chat_inferences USING brin (created_at) WITH (autosummarize='on');

CREATE INDEX chat_inferences_default_created_at_idx ON tensorzero.chat_inferences_default USING brin (created_at) WITH (autosummarize='on');

CREATE INDEX chat_inferences_episode ON ONLY tensorzero.chat_inferences USING btree (episode_id);

CREATE INDEX chat_inferences_default_episode_id_idx ON tensorzero.chat_inferences_default USING btree (episode_id);

CREATE INDEX chat_inferences_function ON ONLY tensorzero.chat_inferences USING btree (function_name, variant_name, episode_id);

CREATE INDEX chat_inferences_default_function_name_variant_name_episode__idx ON tensorzero.chat_inferences_default USING btree (function_name, variant_name, episode_id);

CREATE INDEX comment_feedback_created ON tensorzero.comment_feedback USING btree (created_at);

CREATE INDEX comment_feedback_tags ON tensorzero.comment_feedback USING gin (tags);

CREATE INDEX comment_feedback_target ON tensorzero.comment_feedback USING btree (target_id);

CREATE INDEX demonstration_feedback_created ON tensorzero.demonstration_feedback USING btree (created_at);

CREATE INDEX demonstration_feedback_inference ON tensorzero.demonstration_feedback USING btree (inference_id);

CREATE INDEX demonstration_feedback_tags ON tensorzero.demonstration_feedback USING gin (tags);

CREATE INDEX exchanges_created ON ONLY tensorzero.exchanges USING brin (created_at) WITH (autosummarize='on');

CREATE INDEX exchanges_default_created_at_idx ON tensorzero.exchanges_default USING brin (created_at) WITH (autosummarize='on');

CREATE INDEX exchanges_episode ON ONLY tensorzero.exchanges USING btree (episode_id);

CREATE INDEX exchanges_default_episode_id_idx ON tensorzero.exchanges_default USING btree (episode_id);

CREATE INDEX exchanges_provider_response ON ONLY tensorzero.exchanges USING btree (provider_response_id) WHERE (provider_response_id IS NOT NULL);

CREATE INDEX exchanges_default_provider_response_id_idx ON tensorzero.exchanges_default USING btree (provider_response_id) WHERE (provider_response_id IS NOT NULL);

CREATE INDEX float_metric_feedback_created ON tensorzero.float_metric_feedback USING btree (created_at);

CREATE INDEX float_metric_feedback_latest ON tensorzero.float_metric_feedback USING btree (target_id, metric_name, created_at DESC);

CREATE INDEX float_metric_feedback_metric ON tensorzero.float_metric_feedback USING btree (metric_name, target_id);

CREATE INDEX float_metric_feedback_tags ON tensorzero.float_metric_feedback USING gin (tags);

CREATE INDEX idx_dicl_examples_created_at ON tensorzero.dicl_examples USING btree (created_at);

CREATE INDEX idx_dicl_examples_function_variant_namespace ON tensorzero.dicl_examples USING btree (function_name, variant_name, namespace);

CREATE INDEX inference_evaluation_human_feedback_created ON tensorzero.inference_evaluation_human_feedback USING btree (created_at);

CREATE INDEX inference_evaluation_human_feedback_lookup ON tensorzero.inference_evaluation_human_feedback USING btree (metric_name, datapoint_id, md5(output));

CREATE INDEX json_inferences_created ON ONLY tensorzero.json_inferences USING brin (created_at) WITH (autosummarize='on');

CREATE INDEX json_inferences_default_created_at_idx ON tensorzero.json_inferences_default USING brin (created_at) WITH (autosummarize='on');

CREATE INDEX json_inferences_episode ON ONLY tensorzero.json_inferences USING btree (episode_id);

CREATE INDEX json_inferences_default_episode_id_idx ON tensorzero.json_inferences_default USING btree (episode_id);

CREATE INDEX json_inferences_function_id ON ONLY tensorzero.json_inferences USING btree (function_name, id);

CREATE INDEX json_inferences_default_function_name_id_idx ON tensorzero.json_inferences_default USING btree (function_name, id);

CREATE INDEX json_inferences_function ON ONLY tensorzero.json_inferences USING btree (function_name, variant_name, episode_id);

CREATE INDEX json_inferences_default_function_name_variant_name_episode__idx ON tensorzero.json_inferences_default USING btree (function_name, variant_name, episode_id);

CREATE INDEX json_inferences_tags ON ONLY tensorzero.json_inferences USING gin (tags);

CREATE INDEX json_inferences_default_tags_idx ON tensorzero.json_inferences_default USING gin (tags);

CREATE INDEX model_inferences_created ON ONLY tensorzero.model_inferences USING brin (created_at) WITH (autosummarize='on');

CREATE INDEX model_inferences_default_created_at_idx ON tensorzero.model_inferences_default USING brin (created_at) WITH (autosummarize='on');

CREATE INDEX model_inferences_inference ON ONLY tensorzero.model_inferences USING btree (inference_id);

CREATE INDEX model_inferences_default_inference_id_idx ON tensorzero.model_inferences_default USING btree (inference_id);

ALTER INDEX tensorzero.chat_inference_data_pkey ATTACH PARTITION tensorzero.chat_inference_data_default_pkey;

ALTER INDEX tensorzero.chat_inferences_created ATTACH PARTITION tensorzero.chat_inferences_default_created_at_idx;

ALTER INDEX tensorzero.chat_inferences_episode ATTACH PARTITION tensorzero.chat_inferences_default_episode_id_idx;

ALTER INDEX tensorzero.chat_inferences_function ATTACH PARTITION tensorzero.chat_inferences_default_function_name_variant_name_episode__idx;

ALTER INDEX tensorzero.chat_inferences_pkey ATTACH PARTITION tensorzero.chat_inferences_default_pkey;

ALTER INDEX tensorzero.exchanges_created ATTACH PARTITION tensorzero.exchanges_default_created_at_idx;

ALTER INDEX tensorzero.exchanges_episode ATTACH PARTITION tensorzero.exchanges_default_episode_id_idx;

ALTER INDEX tensorzero.exchanges_pkey ATTACH PARTITION tensorzero.exchanges_default_pkey;

ALTER INDEX tensorzero.exchanges_provider_response ATTACH PARTITION tensorzero.exchanges_default_provider_response_id_idx;

ALTER INDEX tensorzero.json_inference_data_pkey ATTACH PARTITION tensorzero.json_inference_data_default_pkey;

ALTER INDEX tensorzero.json_inferences_created ATTACH PARTITION tensorzero.json_inferences_default_created_at_idx;

ALTER INDEX tensorzero.json_inferences_episode ATTACH PARTITION tensorzero.json_inferences_default_episode_id_idx;

ALTER INDEX tensorzero.json_inferences_function_id ATTACH PARTITION tensorzero.json_inferences_default_function_name_id_idx;

ALTER INDEX tensorzero.json_inferences_function ATTACH PARTITION tensorzero.json_inferences_default_function_name_variant_name_episode__idx;

ALTER INDEX tensorzero.json_inferences_pkey ATTACH PARTITION tensorzero.json_inferences_default_pkey;

ALTER INDEX tensorzero.json_inferences_tags ATTACH PARTITION tensorzero.json_inferences_default_tags_idx;

ALTER INDEX tensorzero.model_inference_data_pkey ATTACH PARTITION tensorzero.model_inference_data_default_pkey;

ALTER INDEX tensorzero.model_inferences_created ATTACH PARTITION tensorzero.model_inferences_default_created_at_idx;

ALTER INDEX tensorzero.model_inferences_inference ATTACH PARTITION tensorzero.model_inferences_default_inference_id_idx;

ALTER INDEX tensorzero.model_inferences_pkey ATTACH PARTITION tensorzero.model_inferences_default_pkey;
