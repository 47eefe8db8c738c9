INSERT INTO tensorzero.demonstration_feedback (
    id, inference_id, value, tags, snapshot_hash, created_at
)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING
