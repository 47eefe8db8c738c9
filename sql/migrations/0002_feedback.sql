-- Feedback: TensorZero's metric tables, and what could not be joined to anything.

CREATE TABLE tensorzero.boolean_metric_feedback (
    id uuid PRIMARY KEY,
    target_id uuid NOT NULL,
    metric_name text NOT NULL,
    value boolean NOT NULL,
    tags jsonb NOT NULL DEFAULT '{}',
    snapshot_hash bytea,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tensorzero.float_metric_feedback (
    id uuid PRIMARY KEY,
    target_id uuid NOT NULL,
    metric_name text NOT NULL,
    value double precision NOT NULL,
    tags jsonb NOT NULL DEFAULT '{}',
    snapshot_hash bytea,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX boolean_metric_feedback_latest ON tensorzero.boolean_metric_feedback
    (target_id, metric_name, created_at DESC);
CREATE INDEX boolean_metric_feedback_metric ON tensorzero.boolean_metric_feedback
    (metric_name, target_id);
CREATE INDEX float_metric_feedback_latest ON tensorzero.float_metric_feedback
    (target_id, metric_name, created_at DESC);
CREATE INDEX float_metric_feedback_metric ON tensorzero.float_metric_feedback
    (metric_name, target_id);

CREATE TABLE tensorzero.feedback_rejected (
    id uuid PRIMARY KEY,
    metric_name text NOT NULL,
    metric_type text NOT NULL,
    level text NOT NULL,
    target_id uuid,
    response_id text,
    value double precision NOT NULL,
    tags jsonb NOT NULL DEFAULT '{}',
    snapshot_hash bytea,
    reason text NOT NULL,
    created_at timestamptz NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tensorzero.config_snapshots (
    hash bytea PRIMARY KEY,
    config text NOT NULL,
    extra_templates jsonb NOT NULL DEFAULT '{}',
    tensorzero_version text NOT NULL,
    tags jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tensorzero.deployment_id (
    deployment_id text NOT NULL,
    dummy integer PRIMARY KEY DEFAULT 0 CHECK (dummy = 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO tensorzero.deployment_id (deployment_id) VALUES (gen_random_uuid()::text);

CREATE TABLE tensorzero.retention_config (
    key text PRIMARY KEY,
    value text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
