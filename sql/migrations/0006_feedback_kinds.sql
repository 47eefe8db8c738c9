-- Comments, demonstrations, and what people say of inferences that an evaluation has judged:
-- TensorZero's tables. A demonstration is json, because the order of its keys is part of it.

CREATE TABLE tensorzero.comment_feedback (
    id uuid PRIMARY KEY,
    target_id uuid NOT NULL,
    target_type text NOT NULL CHECK (target_type IN ('inference', 'episode')),
    value text NOT NULL,
    tags jsonb NOT NULL DEFAULT '{}',
    snapshot_hash bytea,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tensorzero.demonstration_feedback (
    id uuid PRIMARY KEY,
    inference_id uuid NOT NULL,
    value json NOT NULL,
    tags jsonb NOT NULL DEFAULT '{}',
    snapshot_hash bytea,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tensorzero.inference_evaluation_human_feedback (
    feedback_id uuid PRIMARY KEY,
    metric_name text NOT NULL,
    datapoint_id uuid NOT NULL,
    output text NOT NULL,
    value text NOT NULL,
    evaluator_inference_id uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX comment_feedback_target ON tensorzero.comment_feedback (target_id);
CREATE INDEX comment_feedback_created ON tensorzero.comment_feedback (created_at);
CREATE INDEX comment_feedback_tags ON tensorzero.comment_feedback USING gin (tags);
CREATE INDEX demonstration_feedback_inference ON tensorzero.demonstration_feedback (inference_id);
CREATE INDEX demonstration_feedback_created ON tensorzero.demonstration_feedback (created_at);
CREATE INDEX demonstration_feedback_tags ON tensorzero.demonstration_feedback USING gin (tags);
CREATE INDEX boolean_metric_feedback_created ON tensorzero.boolean_metric_feedback (created_at);
CREATE INDEX boolean_metric_feedback_tags ON tensorzero.boolean_metric_feedback USING gin (tags);
CREATE INDEX float_metric_feedback_created ON tensorzero.float_metric_feedback (created_at);
CREATE INDEX float_metric_feedback_tags ON tensorzero.float_metric_feedback USING gin (tags);
CREATE INDEX inference_evaluation_human_feedback_created
    ON tensorzero.inference_evaluation_human_feedback (created_at);

-- By the output's hash, because an index takes no text of more than 2.7 kB.
CREATE INDEX inference_evaluation_human_feedback_lookup
    ON tensorzero.inference_evaluation_human_feedback (metric_name, datapoint_id, md5(output));

-- What is rejected may have no number: a comment, a demonstration as it came.
ALTER TABLE tensorzero.feedback_rejected ALTER COLUMN value DROP NOT NULL;
ALTER TABLE tensorzero.feedback_rejected ADD COLUMN text_value text;
