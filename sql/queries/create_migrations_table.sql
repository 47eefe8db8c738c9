CREATE TABLE IF NOT EXISTS tensorzero.zeroproxy_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
