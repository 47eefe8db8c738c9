SELECT tensorzero.zeroproxy_ensure_partition(name, $1::date)
FROM tensorzero.zeroproxy_partitioned
ORDER BY name
