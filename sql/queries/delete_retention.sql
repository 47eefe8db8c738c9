DELETE FROM tensorzero.retention_config WHERE key = $1
