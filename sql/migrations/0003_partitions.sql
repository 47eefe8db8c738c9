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

-- The partition that holds this day, made if it is missing, together with the rows of
-- its range that had to wait in the default partition.
--
-- A table is made alone and then attached, because CREATE TABLE … PARTITION OF would lock the parent
-- against everybody. Attaching locks the default partition only, which nobody writes to. That lock,
-- taken first, also makes replicas take turns (an advisory lock would not do: who has waited for one
-- does not yet see the table that the other has made), and no row can come while rows move. One call
-- is one transaction: over several tables these locks would meet those of readers crosswise. False
-- when there is nothing to do, also because somebody has covered the range in a way of their own.
CREATE FUNCTION tensorzero.zeroproxy_ensure_partition(parent text, day date)
RETURNS boolean
LANGUAGE plpgsql
SET lock_timeout = '2s'
AS $$
DECLARE
    unit text := (SELECT width FROM tensorzero.zeroproxy_partitioned WHERE name = parent);
    begins timestamp := date_trunc(unit, day::timestamp);
    lower timestamptz := begins AT TIME ZONE 'UTC';
    upper timestamptz := (begins + ('1 ' || unit)::interval) AT TIME ZONE 'UTC';
    child text := parent || to_char(begins, CASE unit WHEN 'day' THEN '_YYYY_MM_DD'
        ELSE '_YYYY_MM' END);
    rest text := parent || '_default';
BEGIN
    IF to_regclass(format('tensorzero.%I', child)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE tensorzero.%I IN ACCESS EXCLUSIVE MODE', rest);
    IF to_regclass(format('tensorzero.%I', child)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE tensorzero.%I (LIKE tensorzero.%I INCLUDING DEFAULTS)',
        child, parent);
    EXECUTE format('WITH moved AS (DELETE FROM tensorzero.%I WHERE created_at >= $1 '
        'AND created_at < $2 RETURNING *) INSERT INTO tensorzero.%I SELECT * FROM moved',
        rest, child) USING lower, upper;
    EXECUTE format('ALTER TABLE tensorzero.%I ATTACH PARTITION tensorzero.%I '
        'FOR VALUES FROM (%L) TO (%L)', parent, child, lower, upper);
    RETURN true;
EXCEPTION WHEN invalid_object_definition THEN
    RETURN false;
END $$;

-- Drops the oldest partition that lies wholly before this moment; its name, or null for
-- none. Partitions are judged by their bounds, whatever their names; one that another replica has
-- dropped meanwhile is as good as dropped.
CREATE FUNCTION tensorzero.zeroproxy_drop_partition(parent text, before timestamptz)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    child text;
BEGIN
    SELECT bounds.name INTO child
    FROM (
        SELECT
            c.relname AS name,
            substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz
                AS upper
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = format('tensorzero.%I', parent)::regclass
    ) AS bounds
    WHERE bounds.upper <= before
    ORDER BY bounds.upper
    LIMIT 1;
    IF child IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS tensorzero.%I', child);
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
