-- Writes a delivery to each device of a delivery's user, beside it, in its transaction. Returns the devices, separated by
-- spaces. A function, so that a statement that fires need not open the table again for users without devices.
CREATE FUNCTION push_beside(delivery uuid) RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH written AS (
        INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, late, firing, price,
                                price_time, price_fired, level, condition, evidence, push_id, push_revision)
        SELECT push_delivery(d.id, p.id), d.alert_id, d.user_id,
               (CASE d.kind WHEN 'alert' THEN 'push' WHEN 'ruled' THEN 'ruled_push' ELSE 'expired_push' END)::delivery_kind,
               'pending', LEAST(d.created_at, clock_timestamp()), d.created_at, d.deadline, d.late, d.firing, d.price,
               d.price_time, d.price_fired, d.level, d.condition, d.evidence, p.id, d.revision
        FROM deliveries d JOIN push_subscriptions p ON p.user_id = d.user_id WHERE d.id = $1
        RETURNING push_id)
    SELECT string_agg(push_id::text, ' ') FROM written
$$;
