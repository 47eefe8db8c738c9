SELECT EXISTS (SELECT 1 FROM tensorzero.{table})
