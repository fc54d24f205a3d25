-- Attempts become a table of a partition a week, so that old ones go by dropping a table: deleting them one by one wrote each
-- of them again. What is there already becomes a partition as it stands. So that this takes no look at its rows while nobody
-- can write, that day is a constraint first: this migration adds it, the next one checks it, beside writers.

-- The first id of the week, which begins on Monday, UTC.
CREATE FUNCTION first_id_of_week(at timestamptz) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM date_trunc('week', at, 'UTC')) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- For migrations that change a table in use: its writers wait half a second at most, then this waits for them, for two
-- minutes in all.
CREATE FUNCTION lock_beside_writers(locked regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR try IN 1..120 LOOP
        BEGIN
            SET LOCAL lock_timeout = '500ms';
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', locked);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            IF try = 120 THEN RAISE; END IF;
            PERFORM pg_sleep(0.5);
        END;
    END LOOP;
END $$;

-- The day is two to three weeks ahead, time enough for the next two migrations, and after everything that is there.
-- shown by: OlderVersionTest.ItRecordsAttemptsWhileTheyBecomePartitions
DO $$
DECLARE day uuid;
BEGIN
    PERFORM lock_beside_writers('attempts');
    day := first_id_of_week(now() + interval '21 days');
    IF EXISTS (SELECT FROM attempts WHERE delivery_id >= day) THEN
        RAISE EXCEPTION 'attempts has rows of deliveries from after %: was a clock wrong?', now() + interval '14 days';
    END IF;
    EXECUTE format('ALTER TABLE attempts ADD CONSTRAINT attempts_before CHECK (delivery_id < %L) NOT VALID', day);
END $$;
