SELECT number, name, checksum FROM tensorzero.zeroproxy_migrations ORDER BY number
