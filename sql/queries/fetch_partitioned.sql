SELECT name, retention FROM tensorzero.zeroproxy_partitioned ORDER BY name
