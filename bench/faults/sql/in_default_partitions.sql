-- Rows for whose day there was no partition.
SELECT count(*)
FROM tensorzero.exchanges
WHERE tableoid::regclass::text LIKE '%\_default'
