TRUNCATE tensorzero.{table}
