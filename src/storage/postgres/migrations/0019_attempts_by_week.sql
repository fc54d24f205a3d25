-- See 0017. Nothing is read or written but the catalogue.
-- shown by: OlderVersionTest.ItRecordsAttemptsWhileTheyBecomePartitions
DO $$
DECLARE day text;
BEGIN
    PERFORM lock_beside_writers('attempts');
    SELECT substring(pg_get_constraintdef(oid) FROM '[0-9a-f]{8}-[0-9a-f-]{27}') INTO STRICT day
    FROM pg_constraint WHERE conrelid = 'attempts'::regclass AND conname = 'attempts_before';
    ALTER TABLE attempts RENAME TO attempts_before;
    ALTER INDEX attempts_pkey RENAME TO attempts_before_pkey;
    CREATE TABLE attempts (LIKE attempts_before INCLUDING DEFAULTS, PRIMARY KEY (delivery_id, number))
    PARTITION BY RANGE (delivery_id);
    EXECUTE format('ALTER TABLE attempts ATTACH PARTITION attempts_before FOR VALUES FROM (MINVALUE) TO (%L)', day);
    ALTER TABLE attempts_before DROP CONSTRAINT attempts_before;
    -- What has no week: nothing, as long as attempts_rotate() is called in time.
    CREATE TABLE attempts_rest PARTITION OF attempts DEFAULT;
END $$;

-- The weeks, from an id to before the next.
CREATE FUNCTION attempts_parts() RETURNS TABLE (name text, first uuid, next uuid) LANGUAGE sql STABLE AS $$
    SELECT relname,
           coalesce(substring(bounds FROM 'FROM \(''([0-9a-f-]+)''\)')::uuid, '00000000-0000-0000-0000-000000000000'),
           substring(bounds FROM 'TO \(''([0-9a-f-]+)''\)')::uuid
    FROM (SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'attempts'::regclass) part
    WHERE bounds <> 'DEFAULT'
$$;

-- Creates the weeks from this one to that in four weeks, and drops those of the past that end before the id and of which no
-- delivery is left; returns how many. Writers wait a tenth of a second at most: what cannot be had in that time is left to the
-- next call. A week that has rows in attempts_rest already gets no partition. Rows of that table and of attempts_before go
-- one by one, with their deliveries.
CREATE FUNCTION attempts_rotate(at timestamptz, before uuid) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    done integer := 0;
    week timestamptz;
    part record;
BEGIN
    IF NOT pg_try_advisory_xact_lock('attempts'::regclass::bigint) THEN RETURN 0; END IF;
    FOR n IN 0..4 LOOP
        week := date_trunc('week', at, 'UTC') + n * interval '7 days';
        SELECT 'attempts_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD') AS name, first_id_of_week(week) AS first,
               first_id_of_week(week + interval '7 days') AS next INTO part;
        CONTINUE WHEN EXISTS (SELECT FROM attempts_parts() p WHERE p.first < part.next AND p.next > part.first)
                   OR EXISTS (SELECT FROM attempts_rest r WHERE r.delivery_id >= part.first AND r.delivery_id < part.next);
        BEGIN
            EXECUTE format('CREATE TABLE %I PARTITION OF attempts FOR VALUES FROM (%L) TO (%L) '
                           'WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_scale_factor = 0.05, '
                           'autovacuum_freeze_min_age = 0)', part.name, part.first, part.next);
            done := done + 1;
        EXCEPTION WHEN lock_not_available OR check_violation THEN NULL;
        END;
    END LOOP;
    FOR part IN SELECT * FROM attempts_parts() p
                WHERE p.name <> 'attempts_before' AND p.next <= least(before, first_id_of_week(at)) LOOP
        CONTINUE WHEN EXISTS (SELECT FROM deliveries d WHERE d.id >= part.first AND d.id < part.next);
        BEGIN
            EXECUTE format('DROP TABLE %I', part.name);
            done := done + 1;
        EXCEPTION WHEN lock_not_available THEN NULL;
        END;
    END LOOP;
    RETURN done;
END $$;
