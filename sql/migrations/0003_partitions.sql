-- Partitions are made ahead and dropped by age, from here, without any extension.

-- Which tables are partitioned, how wide a partition is, and whose retention they follow.
CREATE TABLE tensorzero.zeroproxy_partitioned (
    name text PRIMARY KEY,
    width text NOT NULL CHECK (width IN ('day', 'month')),
    retention text NOT NULL CHECK (retention IN ('metadata', 'data'))
);
INSERT INTO tensorzero.zeroproxy_partitioned (name, width, retention) VALUES
    ('chat_inferences', 'month', 'metadata'),
    ('model_inferences', 'month', 'metadata'),
    ('chat_inference_data', 'day', 'data'),
    ('model_inference_data', 'day', 'data'),
    ('exchanges', 'day', 'data');

-- The partition that holds this day, made if it is missing. Rows of its range that had to wait in
-- the default partition move into it. Replicas take turns by an advisory lock.
CREATE FUNCTION tensorzero.zeroproxy_ensure_partition(parent text, day date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    unit text := (SELECT width FROM tensorzero.zeroproxy_partitioned WHERE name = parent);
    lower timestamptz := date_trunc(unit, day::timestamp) AT TIME ZONE 'UTC';
    upper timestamptz := (date_trunc(unit, day::timestamp) + ('1 ' || unit)::interval)
        AT TIME ZONE 'UTC';
    suffix text := to_char(lower AT TIME ZONE 'UTC',
        CASE unit WHEN 'day' THEN 'YYYY_MM_DD' ELSE 'YYYY_MM' END);
    child text := format('%s_%s', parent, suffix);
    waiting boolean;
BEGIN
    IF to_regclass(format('tensorzero.%I', child)) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('zeroproxy partitions'));
    IF to_regclass(format('tensorzero.%I', child)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM tensorzero.%I WHERE created_at >= $1 '
        'AND created_at < $2)', parent || '_default') INTO waiting USING lower, upper;
    IF NOT waiting THEN
        EXECUTE format('CREATE TABLE tensorzero.%I PARTITION OF tensorzero.%I '
            'FOR VALUES FROM (%L) TO (%L)', child, parent, lower, upper);
        RETURN true;
    END IF;
    EXECUTE format('CREATE TABLE tensorzero.%I (LIKE tensorzero.%I INCLUDING DEFAULTS)',
        child, parent);
    EXECUTE format('WITH moved AS (DELETE FROM tensorzero.%I WHERE created_at >= $1 '
        'AND created_at < $2 RETURNING *) INSERT INTO tensorzero.%I SELECT * FROM moved',
        parent || '_default', child) USING lower, upper;
    EXECUTE format('ALTER TABLE tensorzero.%I ATTACH PARTITION tensorzero.%I '
        'FOR VALUES FROM (%L) TO (%L)', parent, child, lower, upper);
    RETURN true;
END $$;

-- Drops the oldest partition that lies wholly before this moment; its name, or null for none.
CREATE FUNCTION tensorzero.zeroproxy_drop_partition(parent text, before timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    unit text := (SELECT width FROM tensorzero.zeroproxy_partitioned WHERE name = parent);
    pattern text := CASE unit WHEN 'day' THEN 'YYYY_MM_DD' ELSE 'YYYY_MM' END;
    child text;
BEGIN
    SELECT c.relname INTO child
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = format('tensorzero.%I', parent)::regclass
      AND c.relname <> parent || '_default'
      AND (to_timestamp(right(c.relname, length(pattern)), pattern)::timestamp
           + ('1 ' || unit)::interval) AT TIME ZONE 'UTC' <= before
    ORDER BY c.relname
    LIMIT 1;
    IF child IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('DROP TABLE tensorzero.%I', child);
    RETURN child;
END $$;

-- How many rows stand in default partitions, where none should; counted up to a bound.
CREATE FUNCTION tensorzero.zeroproxy_default_rows(bound integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    rows bigint;
    total bigint := 0;
BEGIN
    FOR parent IN SELECT name FROM tensorzero.zeroproxy_partitioned LOOP
        EXECUTE format('SELECT count(*) FROM (SELECT 1 FROM tensorzero.%I LIMIT $1) AS counted',
            parent || '_default') INTO rows USING bound;
        total := total + rows;
    END LOOP;
    RETURN total;
END $$;
