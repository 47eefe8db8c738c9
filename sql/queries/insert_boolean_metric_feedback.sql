INSERT INTO tensorzero.boolean_metric_feedback (
    id, target_id, metric_name, value, tags, snapshot_hash, created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO NOTHING
