INSERT INTO tensorzero.config_snapshots (
    hash, config, tensorzero_version, created_at, last_used
)
VALUES ($1, $2, $3, to_timestamp($4), now())
ON CONFLICT (hash) DO UPDATE SET last_used = now()
