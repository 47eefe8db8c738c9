SELECT to_regclass('tensorzero.' || $1::text) IS NOT NULL
