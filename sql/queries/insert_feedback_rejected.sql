INSERT INTO tensorzero.feedback_rejected (
    id, metric_name, metric_type, level, target_id, response_id, value, text_value, tags,
    snapshot_hash, reason, created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO NOTHING
