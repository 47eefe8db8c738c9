SELECT tensorzero.zeroproxy_ensure_partition($1, $2)
