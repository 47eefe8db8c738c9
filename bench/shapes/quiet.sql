-- No vacuum in the background: it would be charged to whom it meets.
ALTER SYSTEM SET autovacuum = off;
