SELECT tensorzero.zeroproxy_drop_partition($1, $2)
