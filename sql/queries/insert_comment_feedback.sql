INSERT INTO tensorzero.comment_feedback (
    id, target_id, target_type, value, tags, snapshot_hash, created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO NOTHING
