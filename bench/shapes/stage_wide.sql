-- One staging table for all five: each column is named TABLE__COLUMN.
DO $$
BEGIN
    EXECUTE (
        SELECT format('CREATE TEMPORARY TABLE staging_wide (%s) ON COMMIT DELETE ROWS',
            string_agg(format('%I %s', p.name || '__' || a.attname,
                format_type(a.atttypid, a.atttypmod)), ', '))
        FROM tensorzero.zeroproxy_partitioned p
        JOIN pg_attribute a ON a.attrelid = format('tensorzero.%I', p.name)::regclass
        WHERE a.attnum > 0 AND NOT a.attisdropped
    );
END $$
