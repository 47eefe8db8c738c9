ANALYZE tensorzero.{table}
