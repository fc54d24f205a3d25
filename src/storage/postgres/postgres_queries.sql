-- name: wal_written
-- Bytes from the log's beginning; what was committed without a flush is among them.
SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint;

-- name: wal_replayed
SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint WHERE pg_is_in_recovery();

-- name: ping
SELECT 1;

-- name: probe
-- Whether the database can be written, in a row that nothing else uses. If another process has it locked, nothing
-- is written: a probe never waits for another.
UPDATE write_probe SET written_at = $1::timestamptz
WHERE id = (SELECT id FROM write_probe WHERE id = 1 FOR UPDATE SKIP LOCKED);

-- name: user_insert
INSERT INTO users (id, email, api_key_hash, webhook_secret, is_active, created_at)
VALUES ($1::uuid, $2::text, $3::bytea, $4::text, $5::boolean, $6::timestamptz)
ON CONFLICT DO NOTHING;

-- name: user_by_key_hash
SELECT id, email, is_active, created_at FROM users WHERE api_key_hash = $1::bytea AND deleted_at IS NULL;

-- name: user_by_email
SELECT id, email, is_active, created_at FROM users
WHERE lower(email) = lower($1::text COLLATE "C") AND deleted_at IS NULL;

-- name: users_all
SELECT id, email, is_active, created_at FROM users WHERE deleted_at IS NULL ORDER BY id;

-- name: user_set_active
UPDATE users SET is_active = $2::boolean WHERE id = $1::uuid AND deleted_at IS NULL;

-- name: user_set_key
UPDATE users SET api_key_hash = $2::bytea WHERE id = $1::uuid AND deleted_at IS NULL;

-- name: user_lock_alerts
SELECT count(*) FROM (
    SELECT id FROM alerts WHERE user_id = $1::uuid AND deleted_at IS NULL ORDER BY id FOR UPDATE) locked;

-- name: user_delete
UPDATE users SET email = id::text, api_key_hash = $2::bytea, webhook_secret = '', previous_secret = '',
                 previous_until = NULL, is_active = false, active_alerts = 0, deleted_at = $3::timestamptz
WHERE id = $1::uuid AND deleted_at IS NULL;

-- name: user_active_alerts
SELECT id, ticker, condition, target FROM alerts WHERE user_id = $1::uuid AND is_active ORDER BY id;

-- name: user_hide_alerts
UPDATE alerts SET is_active = false, deleted_at = $2::timestamptz,
                  delivery_id = (SELECT d.id FROM deliveries d WHERE d.id = alerts.delivery_id)
WHERE user_id = $1::uuid AND deleted_at IS NULL;

-- name: user_forget_states
UPDATE alert_states SET others = '' WHERE user_id = $1::uuid AND others <> '';

-- name: user_forget_answers
DELETE FROM idempotency_keys WHERE user_id = $1::uuid;

-- name: user_cancel_deliveries
WITH open AS MATERIALIZED (
    SELECT id FROM deliveries WHERE user_id = $1::uuid AND due_at IS NOT NULL ORDER BY id FOR UPDATE)
UPDATE deliveries d
SET state = 'cancelled', due_at = NULL, lease_owner = NULL, lane = NULL, lane_turn = NULL,
    finished_at = $2::timestamptz, reason = 'its user was deleted'
FROM open WHERE d.id = open.id;

-- name: user_forget_pushes
DELETE FROM push_subscriptions WHERE user_id = $1::uuid;

-- name: user_forget_breakers
DELETE FROM user_breakers WHERE user_id = $1::uuid;

-- name: secrets_get
SELECT webhook_secret, previous_secret, previous_until, id FROM users WHERE id = $1::uuid AND deleted_at IS NULL;

-- name: secrets_rotate
UPDATE users SET previous_secret = webhook_secret, previous_until = $2::timestamptz, webhook_secret = $3::text
WHERE id = $1::uuid AND deleted_at IS NULL;

-- name: secrets_after
SELECT webhook_secret, previous_secret, previous_until, id FROM users WHERE id > $1::uuid AND deleted_at IS NULL
ORDER BY id LIMIT $2::bigint;

-- name: secrets_replace
UPDATE users SET webhook_secret = $2::text, previous_secret = $3::text, previous_until = $4::timestamptz
WHERE id = $1::uuid AND webhook_secret = $5::text AND previous_secret = $6::text
  AND previous_until IS NOT DISTINCT FROM $7::timestamptz AND deleted_at IS NULL;

-- name: alerts_insert
-- Returns the endpoint's state with each, to distinguish a duplicate from a disabled endpoint, and then its user's room: those
-- of whom alerts were inserted are locked after that, in order, as wherever both are written, and read as last committed.
WITH new AS MATERIALIZED (
    SELECT n.*, EXISTS (SELECT 1 FROM disabled_endpoints e
                        WHERE e.user_id = n.user_id AND e.webhook_url = n.webhook_url) AS disabled
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::alert_condition[], $5::numeric[], $6::text[],
                $7::timestamptz[], $8::payload_format[], $9::text[], $10::text[], $11::text[], $12::bigint[],
                $13::text[], $14::boolean[], $15::text[], $16::text[], $17::text[], $18::alert_condition[],
                $19::numeric[])
         WITH ORDINALITY n(id, user_id, ticker, condition, target, webhook_url, created_at, format, template_body,
                           template_type, note, deliver_within, trace, recover, message, rule, rule_key,
                           plain_condition, plain_target, place)),
inserted AS (
    INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at, format,
                        template_body, template_type, note, deliver_within, trace, recover, message, rule, rule_key,
                        plain_condition, plain_target)
    SELECT id, user_id, ticker, condition, target, webhook_url, true, created_at, format, template_body,
           template_type, note, deliver_within, trace, recover, message, rule, rule_key, plain_condition, plain_target
    FROM new WHERE NOT disabled ORDER BY place
    ON CONFLICT DO NOTHING RETURNING id, user_id),
locked AS MATERIALIZED (
    SELECT id, active_alerts, deleted_at IS NOT NULL AS deleted FROM users
    WHERE id IN (SELECT user_id FROM inserted) ORDER BY id FOR NO KEY UPDATE)
SELECT n.disabled, i.id IS NOT NULL, coalesce(l.active_alerts, 0), coalesce(l.deleted, true)
FROM new n LEFT JOIN inserted i ON i.id = n.id LEFT JOIN locked l ON l.id = i.user_id ORDER BY n.place;

-- name: state_put
-- A row's last firing stays what it was.
INSERT INTO alert_states (alert_id, user_id, firings, times, rules, begun_at, not_before, snoozed_until, starts_at,
                          expires_at, notify_on_expiry, ended, triggered_at, triggered_price, late, others,
                          ratios)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[],
                     $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[],
                     $12::text[], $13::timestamptz[], $14::numeric[], $15::text[], $16::text[], $17::text[])
ON CONFLICT (alert_id) DO UPDATE
SET firings = excluded.firings, times = excluded.times, rules = excluded.rules, begun_at = excluded.begun_at,
    not_before = excluded.not_before, snoozed_until = excluded.snoozed_until, starts_at = excluded.starts_at,
    expires_at = excluded.expires_at, notify_on_expiry = excluded.notify_on_expiry, ended = excluded.ended,
    others = excluded.others, ratios = excluded.ratios;

-- name: alert_edit
UPDATE alerts
SET ticker = $2::text, condition = $3::alert_condition, target = $4::numeric, webhook_url = $5::text,
    is_active = $6::boolean, format = $7::payload_format, template_body = $8::text, template_type = $9::text,
    note = $10::text, deliver_within = $11::bigint, recover = $12::boolean, message = $13::text, rule = $14::text,
    rule_key = $15::text, plain_condition = $16::alert_condition, plain_target = $17::numeric, revision = $18::bigint,
    changed_at = $19::timestamptz
WHERE id = $1::uuid;

-- name: alert_identical
-- Another active alert that says the same.
SELECT 1 FROM alerts
WHERE user_id = $1::uuid AND ticker = $2::text AND coalesce(plain_condition, condition) = $3::alert_condition
  AND coalesce(plain_target, target) = $4::numeric AND webhook_url = $5::text AND rule_key = $6::text AND is_active
  AND id <> $7::uuid;

-- name: delivery_adopt
-- An alert in the plain form that has fired gets terms: its delivery carries that firing from now on.
UPDATE deliveries
SET kind = 'plain', firing = 1, price = coalesce(price, $2::numeric), price_time = coalesce(price_time, created_at),
    revision = 1, level = $3::numeric, condition = $4::alert_condition
WHERE id = (SELECT a.delivery_id FROM alerts a WHERE a.id = $1::uuid);

-- name: pushes_adopt
UPDATE deliveries
SET firing = 1, price = coalesce(price, $2::numeric), price_time = coalesce(price_time, created_at), push_revision = 1,
    level = $3::numeric, condition = $4::alert_condition
WHERE alert_id = $1::uuid AND push_id IS NOT NULL AND test_price IS NULL;

-- name: tests_adopt
UPDATE deliveries SET kind = 'ruled_test' WHERE alert_id = $1::uuid AND test_price IS NOT NULL AND due_at IS NOT NULL;

-- name: rule_replaced
INSERT INTO alert_rules (alert_id, revision, rule, replaced_at)
SELECT $1::uuid, $2::bigint, $3::text, $4::timestamptz
WHERE EXISTS (SELECT 1 FROM deliveries d
              WHERE d.alert_id = $1::uuid AND d.revision IS NOT NULL AND d.revision = $2::bigint)
ON CONFLICT DO NOTHING;

-- name: state_forget
-- Those of deleted alerts.
UPDATE alert_states SET others = '' WHERE alert_id = ANY ($1::uuid[]) AND others <> '';

-- name: answer_take
-- Takes a key that is not used, or was used too long ago.
INSERT INTO idempotency_keys AS k (user_id, key, request, status, answer, size, created_at)
VALUES ($1::uuid, $2::text, $3::bytea, $4::int, '', 0, $5::timestamptz)
ON CONFLICT (user_id, key) DO UPDATE
SET request = excluded.request, status = excluded.status, answer = '', size = 0, created_at = excluded.created_at
WHERE k.created_at <= $6::timestamptz;

-- name: answer_keep
UPDATE idempotency_keys SET answer = $3::text, size = octet_length($3::text)
WHERE user_id = $1::uuid AND key = $2::text;

-- name: answer_drop
DELETE FROM idempotency_keys WHERE user_id = $1::uuid AND key = $2::text;

-- name: answers_bound
-- The version before has no word for an answer that is not kept, and repeats it as a conflict.
UPDATE idempotency_keys SET answer = '', size = 0, status = 409 WHERE user_id = $1::uuid AND size > 0 AND (created_at, key) <= (
    SELECT created_at, key FROM (SELECT created_at, key, row_number() OVER newest AS place, sum(size) OVER newest AS bytes
                                 FROM idempotency_keys WHERE user_id = $1::uuid
                                 WINDOW newest AS (ORDER BY created_at DESC, key DESC ROWS UNBOUNDED PRECEDING)) kept
    WHERE place > 1 AND bytes > $2::bigint ORDER BY place LIMIT 1);

-- name: answers_size
SELECT coalesce(sum(size), 0)::bigint FROM idempotency_keys WHERE user_id = $1::uuid;

-- name: answers_oldest_kept
SELECT created_at FROM idempotency_keys WHERE user_id = $1::uuid AND created_at > $2::timestamptz
ORDER BY created_at DESC LIMIT 1 OFFSET $3::bigint;

-- name: answer_get
SELECT request, status, answer FROM idempotency_keys
WHERE user_id = $1::uuid AND key = $2::text AND created_at > $3::timestamptz;

-- name: endpoint_disabled
SELECT 1 FROM disabled_endpoints WHERE user_id = $1::uuid AND webhook_url = $2::text;

-- name: alerts_active_count
SELECT active_alerts, deleted_at IS NOT NULL FROM users WHERE id = $1::uuid FOR NO KEY UPDATE;

-- name: alerts_remove
DELETE FROM alerts WHERE id = ANY ($1::uuid[]);

-- name: alerts_count
-- Counts alerts of users that this transaction has locked, and notifies: see "notify".
WITH counted AS (
    UPDATE users u SET active_alerts = u.active_alerts + c.change FROM unnest($1::uuid[], $2::int[]) c(id, change)
    WHERE u.id = c.id)
SELECT pg_notify('pricewire_changes', payload) FROM unnest($3::text[]) WITH ORDINALITY p(payload, place)
ORDER BY place;

-- name: user_count
-- Locked in order, since other processes count too.
WITH change AS MATERIALIZED (
    SELECT u.id, c.change
    FROM unnest($1::uuid[], $2::int[]) c(id, change) JOIN users u ON u.id = c.id
    ORDER BY u.id FOR NO KEY UPDATE OF u)
UPDATE users u SET active_alerts = u.active_alerts + c.change FROM change c WHERE u.id = c.id;

-- name: notify
SELECT pg_notify('pricewire_changes', payload) FROM unnest($1::text[]) WITH ORDINALITY p(payload, place)
ORDER BY place;

-- name: alert_get
SELECT
-- include: alert_whole
WHERE a.id = $1::uuid AND a.user_id = $2::uuid AND a.deleted_at IS NULL;

-- name: alert_list
SELECT
-- include: alert_whole
WHERE a.user_id = $1::uuid AND a.id < $2::uuid AND a.deleted_at IS NULL
  AND ($3::boolean IS NULL OR a.is_active = $3::boolean) AND ($4::text IS NULL OR a.ticker = $4::text)
ORDER BY a.user_id DESC, a.id DESC LIMIT $5::bigint;

-- name: alert_list_of_status
-- A CASE rather than one = of its result, which the planner would take to be rare, and read and sort all of the user's
-- alerts.
SELECT
-- include: alert_whole
WHERE a.user_id = $1::uuid AND a.id < $2::uuid AND a.deleted_at IS NULL
  AND ($3::boolean IS NULL OR a.is_active = $3::boolean) AND ($4::text IS NULL OR a.ticker = $4::text)
  AND CASE WHEN NOT a.is_active THEN coalesce(s.ended, 'fired') = $6::text
           WHEN s.starts_at > $7::timestamptz THEN $6::text = 'scheduled'
           WHEN s.snoozed_until > $7::timestamptz THEN $6::text = 'snoozed' ELSE $6::text = 'active' END
ORDER BY a.user_id DESC, a.id DESC LIMIT $5::bigint;

-- name: alert_list_changed
SELECT
-- include: alert_whole
WHERE a.user_id = $1::uuid AND a.changed_at >= $2::timestamptz AND a.deleted_at IS NULL
ORDER BY a.changed_at DESC LIMIT $3::bigint;

-- name: alerts_deleted
SELECT id FROM alerts WHERE user_id = $1::uuid AND changed_at >= $2::timestamptz AND deleted_at IS NOT NULL
ORDER BY changed_at DESC LIMIT $3::bigint;

-- name: alert_lock
SELECT id, ticker, condition, target, is_active FROM alerts
WHERE id = $1::uuid AND user_id = $2::uuid AND deleted_at IS NULL FOR UPDATE;

-- name: alerts_lock_of
-- Of a ticker, after an id.
SELECT id, ticker, condition, target, is_active FROM alerts
WHERE user_id = $1::uuid AND id > $2::uuid AND ticker = $3::text AND deleted_at IS NULL
ORDER BY user_id, id LIMIT $4::bigint FOR UPDATE;

-- name: alerts_count_of
SELECT count(*) FROM alerts WHERE user_id = $1::uuid AND ticker = $2::text AND deleted_at IS NULL;

-- name: alert_delete
UPDATE alerts SET is_active = false, changed_at = $2::timestamptz, deleted_at = $2::timestamptz,
                  delivery_id = (SELECT d.id FROM deliveries d WHERE d.id = alerts.delivery_id)
WHERE id = ANY ($1::uuid[]);

-- name: alerts_declare
DECLARE active_alerts NO SCROLL CURSOR FOR
SELECT
-- include: active_columns
FROM alerts a LEFT JOIN alert_states s ON s.alert_id = a.id
WHERE a.is_active;

-- name: alerts_declare_of
DECLARE active_alerts NO SCROLL CURSOR FOR
SELECT
-- include: active_columns
FROM alerts a LEFT JOIN alert_states s ON s.alert_id = a.id
WHERE a.is_active AND a.ticker = ANY ($1::text[]);

-- name: alerts_fetch
FETCH 2500 FROM active_alerts;

-- name: alert_active
SELECT
-- include: active_columns
FROM alerts a LEFT JOIN alert_states s ON s.alert_id = a.id
WHERE a.id = $1::uuid AND a.is_active;

-- name: alerts_active_of
SELECT
-- include: active_columns
FROM alerts a LEFT JOIN alert_states s ON s.alert_id = a.id
WHERE a.id = ANY ($1::uuid[]) AND a.is_active;

-- name: firings_of_rules
SELECT
-- include: view_columns
FROM alerts a JOIN deliveries d ON d.alert_id = a.id LEFT JOIN prices_fired g ON g.id = d.price_fired
WHERE a.id = $1::uuid AND a.user_id = $2::uuid AND a.deleted_at IS NULL AND d.alert_id = $1::uuid
  AND d.revision IS NOT NULL AND d.firing < $3::bigint
ORDER BY d.firing DESC LIMIT $4::bigint;

-- name: firing_of_plain
SELECT
-- include: view_columns
FROM alerts a JOIN deliveries d ON d.id = a.delivery_id LEFT JOIN prices_fired g ON g.id = d.price_fired
WHERE a.id = $1::uuid AND a.user_id = $2::uuid AND a.deleted_at IS NULL AND a.rule IS NULL;

-- name: firing_of_groups
-- Locked in the order of ids, so that two processes that fire the same alerts wait for each other without a deadlock.
-- Locked rows are not skipped: the transaction that holds one may still roll back.
WITH locked AS MATERIALIZED (
    SELECT f.alert_id, f.delivery_id, g.*
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) f(alert_id, delivery_id, place)
         JOIN unnest($4::timestamptz[], $5::numeric[], $6::timestamptz[], $7::text[], $8::uuid[])
              WITH ORDINALITY g(fired_at, price, price_time, late, price_fired, place) ON g.place = f.place
         JOIN alerts a ON a.id = f.alert_id
    WHERE a.is_active AND a.rule IS NULL ORDER BY a.id FOR UPDATE OF a),
fired AS (
    UPDATE alerts a
    SET is_active = false, triggered_at = l.fired_at, triggered_price = l.price, delivery_id = l.delivery_id
    FROM locked l WHERE a.id = l.alert_id
    RETURNING a.id, a.user_id, a.delivery_id, a.triggered_at, a.deliver_within, l.late, l.price, l.price_time,
              l.price_fired)
-- name: firing_insert
-- Here, and wherever something has fired, due at once even if the clock of the process that fired it is ahead.
INSERT INTO deliveries (id, alert_id, user_id, state, due_at, created_at, deadline, late, firing, price, price_time,
                        price_fired)
SELECT delivery_id, id, user_id, 'pending', LEAST(triggered_at, clock_timestamp()), triggered_at,
       triggered_at + deliver_within * interval '1 microsecond', late, 1, price, price_time, price_fired
FROM fired
-- name: fire
-- include: firing_of_groups
-- include: firing_insert
RETURNING id, user_id;

-- name: devices
-- Those that a statement writes a delivery for, beside the one it returns; ends with the user.
(SELECT string_agg(p.id::text, ' ') FROM push_subscriptions p WHERE p.user_id =

-- name: devices_beside
-- The same for a delivery d, only now written for them.
CASE WHEN EXISTS (SELECT 1 FROM push_subscriptions p WHERE p.user_id = d.user_id) THEN push_beside(d.id) END

-- name: fire_few
-- The same with the users' numbers and the boards: a transaction in one round trip. Users are locked after all alerts,
-- in the order of ids: see the table.
-- include: firing_of_groups
,
counts AS MATERIALIZED (SELECT user_id, count(*) AS fired FROM fired GROUP BY user_id),
counted AS (
    UPDATE users u SET active_alerts = u.active_alerts - l.fired
    FROM (SELECT o.id, c.fired FROM counts c JOIN users o ON o.id = c.user_id ORDER BY o.id FOR UPDATE OF o) l
    WHERE u.id = l.id),
boards AS (
    INSERT INTO prices_fired (id, board, board_at)
    SELECT b.id, b.board, b.board_at
    FROM unnest($8::uuid[], $9::text[], $10::timestamptz[]) b(id, board, board_at)
    WHERE b.id IN (SELECT price_fired FROM fired)
    ON CONFLICT DO NOTHING),
pushed AS (
    INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, late, firing, price,
                            price_time, price_fired, push_id)
    SELECT push_delivery(f.delivery_id, p.id), f.id, f.user_id, 'push', 'pending',
           LEAST(f.triggered_at, clock_timestamp()), f.triggered_at,
           f.triggered_at + f.deliver_within * interval '1 microsecond', f.late, 1, f.price, f.price_time,
           f.price_fired, p.id
    FROM fired f JOIN push_subscriptions p ON p.user_id = f.user_id)
-- include: firing_insert
RETURNING id, user_id,
-- include: devices
deliveries.user_id);

-- name: firing_of_one
-- The same of one alert: with single values in place of arrays, the server keeps its plan.
WITH fired AS (
    UPDATE alerts a SET is_active = false, triggered_at = $3::timestamptz, triggered_price = $4::numeric,
                        delivery_id = $2::uuid
    WHERE id = $1::uuid AND is_active AND rule IS NULL
    RETURNING a.*),
counted AS (
    UPDATE users u SET active_alerts = u.active_alerts - 1 FROM fired f WHERE u.id = f.user_id RETURNING u.*),
boards AS (
    INSERT INTO prices_fired (id, board, board_at)
    SELECT $6::uuid, $7::text, $8::timestamptz FROM fired WHERE $6::uuid IS NOT NULL)
-- name: fire_one
-- include: firing_of_one
,
pushed AS (
    INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, firing, price, price_time,
                            price_fired, push_id)
    SELECT push_delivery($2::uuid, p.id), f.id, f.user_id, 'push', 'pending',
           LEAST($3::timestamptz, clock_timestamp()), $3::timestamptz,
           $3::timestamptz + f.deliver_within * interval '1 microsecond', 1, $4::numeric, $5::timestamptz, $6::uuid, p.id
    FROM fired f JOIN push_subscriptions p ON p.user_id = f.user_id)
INSERT INTO deliveries (id, alert_id, user_id, state, due_at, created_at, deadline, firing, price, price_time,
                        price_fired)
SELECT $2::uuid, id, user_id, 'pending', LEAST($3::timestamptz, clock_timestamp()), $3::timestamptz,
       $3::timestamptz + deliver_within * interval '1 microsecond', 1, $4::numeric, $5::timestamptz, $6::uuid
FROM fired
RETURNING user_id,
-- include: devices
deliveries.user_id);

-- name: push_users
-- Those of the users who have devices.
SELECT DISTINCT user_id FROM push_subscriptions WHERE user_id = ANY ($1::uuid[]);

-- name: push_deliveries
-- Beside each delivery that the transaction has written one for each device of its user. Read first, so that no index of
-- all deliveries of these users is used.
WITH written AS MATERIALIZED (SELECT * FROM deliveries WHERE id = ANY ($1::uuid[]))
INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, late, firing, price, price_time,
                        price_fired, level, condition, evidence, push_id, push_revision)
SELECT push_delivery(d.id, p.id), d.alert_id, d.user_id,
       (CASE d.kind WHEN 'alert' THEN 'push' WHEN 'ruled' THEN 'ruled_push' ELSE 'expired_push' END)::delivery_kind,
       'pending', LEAST(d.created_at, clock_timestamp()), d.created_at, d.deadline, d.late, d.firing, d.price,
       d.price_time, d.price_fired, d.level, d.condition, d.evidence, p.id, d.revision
FROM written d JOIN push_subscriptions p ON p.user_id = d.user_id
RETURNING id, user_id;

-- name: claimed_delivery
d.id, d.attempts, d.round_start, d.kind, d.created_at, d.deadline, d.test_price,
       u.webhook_secret, u.previous_secret, u.previous_until,
-- name: claimed_alert
       ,
-- include: alert_columns
       a.triggered_at, a.triggered_price,
-- include: alert_rest
       , d.late, a.message
-- name: claimed_columns
-- include: claimed_delivery
-- include: firing_columns
-- include: claimed_alert
-- name: claimed_now
-- Of a firing that the statement itself has written, by the rule that its alert has.
-- include: claimed_delivery
d.firing, d.price, d.price_time, d.revision, d.level, d.condition, d.evidence, a.rule, a.revision
-- include: claimed_alert
-- name: fire_and_claim
-- The same, claimed if its sender counts as alive, which then lasts until the commit: whoever gives the claims of a dead
-- sender back finds this one too. The alert is as this statement has left it.
-- include: firing_of_one
,
lease AS MATERIALIZED (
    SELECT s.owner FROM fired f JOIN senders s ON s.owner = $9::text
    WHERE f.user_id <> ALL ($11::uuid[]) FOR KEY SHARE OF s SKIP LOCKED),
claimed AS (
    INSERT INTO deliveries (id, alert_id, user_id, state, due_at, lease_owner, created_at, deadline, firing, price,
                            price_time, price_fired)
    SELECT $2::uuid, f.id, f.user_id, CASE WHEN l.owner IS NULL THEN 'pending' ELSE 'delivering' END::delivery_state,
           CASE WHEN l.owner IS NULL THEN LEAST($3::timestamptz, clock_timestamp()) ELSE $10::timestamptz END, l.owner,
           $3::timestamptz,
           $3::timestamptz + f.deliver_within * interval '1 microsecond', 1, $4::numeric, $5::timestamptz, $6::uuid
    FROM fired f LEFT JOIN lease l ON true
    RETURNING *)
SELECT
-- include: claimed_now
       , NULL, d.user_id, d.lease_owner IS NOT NULL,
-- include: devices_beside
FROM claimed d JOIN fired a ON a.id = d.alert_id JOIN counted u ON u.id = a.user_id
     LEFT JOIN disabled_endpoints e ON e.user_id = a.user_id AND e.webhook_url = a.webhook_url;

-- name: fire_late
-- Apart from "fire", which would be slower for all: see the trigger alerts_with_a_rule.
UPDATE alerts a SET late = d.late FROM deliveries d
WHERE d.id = ANY ($1::uuid[]) AND d.late IS NOT NULL AND a.id = d.alert_id AND a.delivery_id = d.id;

-- name: price_fired
INSERT INTO prices_fired (id, board, board_at) SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[])
ON CONFLICT DO NOTHING;

-- name: ruled_lock
-- Before the other statements read the rows; in the order of ids.
SELECT count(*) FROM (SELECT id FROM alerts WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE) locked;

-- name: ruled_fire
-- Each alert's k-th firing, if it is that: see Outbox::fire(). IS NOT DISTINCT FROM, here and below, so that no index of
-- all active alerts is read.
WITH held AS MATERIALIZED (
    SELECT f.*, a.user_id, a.ticker, a.deliver_within, s.times IS NOT NULL AND f.number >= s.times AS ends
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::numeric[], $7::numeric[],
                $8::alert_condition[], $9::text[], $10::timestamptz[], $11::text[], $12::timestamptz[], $13::text[],
                $14::uuid[])
              f(alert_id, delivery_id, revision, number, time, value, level, condition, evidence, not_before, rules,
                fired_at, late, price_fired)
         JOIN alerts a ON a.id = f.alert_id JOIN alert_states s ON s.alert_id = f.alert_id
    WHERE a.is_active IS NOT DISTINCT FROM true AND a.rule IS NOT NULL AND a.revision = f.revision
      AND s.firings = f.number - 1 AND s.begun_at <= f.time AND (s.not_before IS NULL OR s.not_before <= f.time)
      AND (s.snoozed_until IS NULL OR s.snoozed_until <= f.time) AND (s.expires_at IS NULL OR s.expires_at > f.time)),
state AS (
    UPDATE alert_states s
    SET firings = h.number, not_before = h.not_before, rules = h.rules, triggered_at = h.fired_at,
        triggered_price = h.value, late = h.late, ended = CASE WHEN h.ends THEN 'fired' END,
        others = CASE WHEN h.ends THEN '' ELSE s.others END
    FROM held h WHERE s.alert_id = h.alert_id),
-- Its first delivery keeps an alert from being pruned; see alerts_gone.
alert AS (
    UPDATE alerts a SET is_active = NOT h.ends, delivery_id = coalesce(a.delivery_id, h.delivery_id)
    FROM held h WHERE a.id = h.alert_id AND (h.ends OR a.delivery_id IS NULL)),
written AS (
    INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, late, firing, price,
                            price_time, price_fired, revision, level, condition, evidence)
    SELECT delivery_id, alert_id, user_id, 'ruled', 'pending', LEAST(fired_at, clock_timestamp()), fired_at,
           fired_at + deliver_within * interval '1 microsecond', late, number, value, time, price_fired, revision,
           level, condition, evidence
    FROM held)
SELECT delivery_id, user_id, alert_id, ticker, ends FROM held;

-- name: ruling_of_one
-- One alert's k-th firing, with its user's number and its board. The rows are judged once they are locked, as whoever
-- held them has left them. The board may have been written with a firing in the plain form.
WITH locked AS MATERIALIZED (
    SELECT a.*, s.firings, s.times, s.begun_at, s.not_before, s.snoozed_until, s.expires_at
    FROM alerts a JOIN alert_states s ON s.alert_id = a.id
    WHERE a.id = $1::uuid FOR UPDATE OF a, s),
held AS MATERIALIZED (
    SELECT l.*, times IS NOT NULL AND $4::bigint >= times AS ends
    FROM locked l
    WHERE is_active AND rule IS NOT NULL AND revision = $3::bigint AND firings = $4::bigint - 1
      AND begun_at <= $5::timestamptz AND (not_before IS NULL OR not_before <= $5::timestamptz)
      AND (snoozed_until IS NULL OR snoozed_until <= $5::timestamptz)
      AND (expires_at IS NULL OR expires_at > $5::timestamptz)),
state AS (
    UPDATE alert_states s
    SET firings = $4::bigint, not_before = $10::timestamptz, rules = $11::text, triggered_at = $12::timestamptz,
        triggered_price = $6::numeric, late = $13::text, ended = CASE WHEN h.ends THEN 'fired' END,
        others = CASE WHEN h.ends THEN '' ELSE s.others END
    FROM held h WHERE s.alert_id = h.id),
alert AS (
    UPDATE alerts a SET is_active = NOT h.ends, delivery_id = coalesce(a.delivery_id, $2::uuid)
    FROM held h WHERE a.id = h.id AND (h.ends OR a.delivery_id IS NULL)),
counted AS (
    UPDATE users u SET active_alerts = u.active_alerts - 1 FROM held h WHERE h.ends AND u.id = h.user_id),
boards AS (
    INSERT INTO prices_fired (id, board, board_at)
    SELECT $14::uuid, $15::text, $16::timestamptz FROM held WHERE $14::uuid IS NOT NULL
    ON CONFLICT DO NOTHING),
-- name: ruling_notice
pg_notify('pricewire_changes', CASE WHEN a.ends THEN '- ' ELSE '+ ' END || a.id || ' ' || a.ticker
                               || CASE WHEN a.ends THEN ' lt 0' ELSE ' changed' END)
-- name: ruled_fire_one
-- With its notification: a transaction in one round trip.
-- include: ruling_of_one
pushed AS (
    INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, late, firing, price,
                            price_time, price_fired, push_revision, level, condition, evidence, push_id)
    SELECT push_delivery($2::uuid, p.id), h.id, h.user_id, 'ruled_push', 'pending',
           LEAST($12::timestamptz, clock_timestamp()), $12::timestamptz,
           $12::timestamptz + h.deliver_within * interval '1 microsecond', $13::text, $4::bigint, $6::numeric,
           $5::timestamptz, $14::uuid, $3::bigint, $7::numeric, $8::alert_condition, $9::text, p.id
    FROM held h JOIN push_subscriptions p ON p.user_id = h.user_id),
written AS (
    INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, late, firing, price,
                            price_time, price_fired, revision, level, condition, evidence)
    SELECT $2::uuid, id, user_id, 'ruled', 'pending', LEAST($12::timestamptz, clock_timestamp()), $12::timestamptz,
           $12::timestamptz + deliver_within * interval '1 microsecond', $13::text, $4::bigint, $6::numeric,
           $5::timestamptz, $14::uuid, $3::bigint, $7::numeric, $8::alert_condition, $9::text
    FROM held)
SELECT a.user_id,
-- include: devices
a.user_id),
-- include: ruling_notice
FROM held a;

-- name: ruled_fire_and_claim
-- The same, claimed as by fire_and_claim.
-- include: ruling_of_one
lease AS MATERIALIZED (
    SELECT s.owner FROM held h JOIN senders s ON s.owner = $17::text
    WHERE h.user_id <> ALL ($19::uuid[]) FOR KEY SHARE OF s SKIP LOCKED),
claimed AS (
    INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, lease_owner, created_at, deadline, late, firing,
                            price, price_time, price_fired, revision, level, condition, evidence)
    SELECT $2::uuid, h.id, h.user_id, 'ruled',
           CASE WHEN l.owner IS NULL THEN 'pending' ELSE 'delivering' END::delivery_state,
           CASE WHEN l.owner IS NULL THEN LEAST($12::timestamptz, clock_timestamp()) ELSE $18::timestamptz END, l.owner,
           $12::timestamptz,
           $12::timestamptz + h.deliver_within * interval '1 microsecond', $13::text, $4::bigint, $6::numeric,
           $5::timestamptz, $14::uuid, $3::bigint, $7::numeric, $8::alert_condition, $9::text
    FROM held h LEFT JOIN lease l ON true
    RETURNING *)
SELECT
-- include: claimed_now
       , NULL, d.user_id, d.lease_owner IS NOT NULL,
-- include: devices_beside
,
-- include: ruling_notice
FROM claimed d JOIN held a ON a.id = d.alert_id JOIN users u ON u.id = a.user_id
     LEFT JOIN disabled_endpoints e ON e.user_id = a.user_id AND e.webhook_url = a.webhook_url;

-- name: ruled_notes_lock
-- Those that may be written, with what is stored.
SELECT n.place, a.ticker, s.rules, s.begun_at
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) WITH ORDINALITY n(alert_id, revision, firings, place)
     JOIN alerts a ON a.id = n.alert_id JOIN alert_states s ON s.alert_id = n.alert_id
WHERE a.is_active IS NOT DISTINCT FROM true AND a.rule IS NOT NULL AND a.revision = n.revision
  AND s.firings = n.firings;

-- name: ruled_notes
UPDATE alert_states s SET rules = n.rules FROM unnest($1::uuid[], $2::text[]) n(alert_id, rules)
WHERE s.alert_id = n.alert_id;

-- name: ruled_expire
WITH held AS MATERIALIZED (
    SELECT e.*, a.user_id, a.ticker, a.deliver_within, s.notify_on_expiry
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[], $6::timestamptz[], $7::numeric[],
                $8::timestamptz[], $9::uuid[])
              e(alert_id, delivery_id, revision, expires_at, evidence, fired_at, price, price_time, price_fired)
         JOIN alerts a ON a.id = e.alert_id JOIN alert_states s ON s.alert_id = e.alert_id
    WHERE a.is_active IS NOT DISTINCT FROM true AND a.rule IS NOT NULL AND a.revision = e.revision
      AND s.expires_at <= e.expires_at),
state AS (
    UPDATE alert_states s SET ended = 'expired', others = '' FROM held h WHERE s.alert_id = h.alert_id),
alert AS (
    UPDATE alerts a
    SET is_active = false, changed_at = h.fired_at,
        delivery_id = coalesce(a.delivery_id, CASE WHEN h.notify_on_expiry THEN h.delivery_id END)
    FROM held h WHERE a.id = h.alert_id),
written AS (
    INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, price, price_time,
                            price_fired, revision, evidence)
    SELECT delivery_id, alert_id, user_id, 'expired', 'pending', LEAST(fired_at, clock_timestamp()), expires_at,
           fired_at + deliver_within * interval '1 microsecond', price, price_time, price_fired, revision, evidence
    FROM held WHERE notify_on_expiry)
SELECT delivery_id, user_id, alert_id, ticker, notify_on_expiry FROM held;

-- name: claimed
-- What an attempt needs of each delivery that a statement's CTE of this name has claimed.
SELECT
-- include: claimed_columns
       ,
-- include: push_columns
FROM claimed d JOIN alerts a ON a.id = d.alert_id JOIN users u ON u.id = a.user_id
     LEFT JOIN disabled_endpoints e ON e.user_id = a.user_id AND e.webhook_url = a.webhook_url
     LEFT JOIN push_subscriptions p ON p.id = d.push_id

-- name: claim
WITH task AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::int[]) WITH ORDINALITY t(id, attempt, place)),
due AS MATERIALIZED (
    SELECT d.id, t.place
    FROM task t JOIN deliveries d ON d.id = t.id AND d.attempts = t.attempt - 1
    WHERE d.due_at <= $3::timestamptz AND d.user_id <> ALL ($6::uuid[])
      AND ($7::int[] = '{}' OR get_byte(uuid_send(d.user_id), 15) = ANY ($7::int[]))
    FOR UPDATE OF d SKIP LOCKED),
claimed AS (
    UPDATE deliveries d
    SET state = 'delivering', due_at = $4::timestamptz, lease_owner = $5::text, lane = NULL, lane_turn = NULL
    FROM due WHERE d.id = due.id
    RETURNING d.id, d.alert_id, d.attempts, d.round_start, d.kind, d.created_at, d.deadline, d.test_price,
              d.late, d.firing, d.price, d.price_time, d.revision, d.level, d.condition, d.evidence, d.push_id,
              d.push_revision,
              due.place)
-- include: claimed
ORDER BY d.place;

-- name: claim_one
WITH due AS MATERIALIZED (
    SELECT id FROM deliveries
    WHERE id = $1::uuid AND attempts = $2::int - 1 AND due_at <= $3::timestamptz AND user_id <> ALL ($6::uuid[])
      AND ($7::int[] = '{}' OR get_byte(uuid_send(user_id), 15) = ANY ($7::int[]))
    FOR UPDATE SKIP LOCKED),
claimed AS (
    UPDATE deliveries d
    SET state = 'delivering', due_at = $4::timestamptz, lease_owner = $5::text, lane = NULL, lane_turn = NULL
    FROM due WHERE d.id = $1::uuid
    RETURNING d.id, d.alert_id, d.attempts, d.round_start, d.kind, d.created_at, d.deadline, d.test_price,
              d.late, d.firing, d.price, d.price_time, d.revision, d.level, d.condition, d.evidence, d.push_id,
              d.push_revision)
-- include: claimed
;

-- name: claimed_due
-- What a CTE "due" has found. By way of an array, of which the planner expects few rows: of a limit that it does not know it
-- expects a tenth of what is due, and would read all users to find theirs.
claimed AS (
    UPDATE deliveries d
    SET state = 'delivering', due_at = $3::timestamptz, lease_owner = $4::text, lane = NULL, lane_turn = NULL
    FROM unnest(ARRAY(SELECT id FROM due ORDER BY due_at, id)) WITH ORDINALITY due(id, place) WHERE d.id = due.id
    RETURNING d.id, d.alert_id, d.attempts, d.round_start, d.kind, d.created_at, d.deadline, d.test_price,
              d.late, d.firing, d.price, d.price_time, d.revision, d.level, d.condition, d.evidence, d.push_id,
              d.push_revision,
              due.place)
-- include: claimed
ORDER BY d.place

-- name: claim_due
WITH due AS MATERIALIZED (
    SELECT d.id, d.due_at FROM deliveries d WHERE d.due_at <= $1::timestamptz AND d.user_id <> ALL ($5::uuid[])
    ORDER BY d.due_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED),
-- include: claimed_due
;

-- name: claim_due_of
-- Of users in these slots: nothing is read of those in others, however much of theirs is due. Slots in which something is due
-- have equal parts of the limit.
WITH slots AS MATERIALIZED (
    SELECT s.slot FROM unnest($6::int[]) s(slot) CROSS JOIN LATERAL (
        SELECT d.due_at FROM deliveries d
        WHERE get_byte(uuid_send(d.user_id), 15) = s.slot AND d.due_at <= $1::timestamptz
        ORDER BY d.due_at LIMIT 1) first
    ORDER BY first.due_at),
due AS MATERIALIZED (
    SELECT n.id, n.due_at FROM slots s CROSS JOIN LATERAL (
        SELECT d.id, d.due_at FROM deliveries d
        WHERE get_byte(uuid_send(d.user_id), 15) = s.slot AND d.due_at <= $1::timestamptz
          AND d.user_id <> ALL ($5::uuid[])
        ORDER BY d.due_at LIMIT (SELECT $2::bigint / greatest(count(*), 1) + 1 FROM slots)
        FOR UPDATE SKIP LOCKED) n
    LIMIT $2::bigint),
-- include: claimed_due
;

-- name: claim_lane
WITH due AS MATERIALIZED (
    SELECT d.id, d.lane_turn FROM deliveries d WHERE d.lane = $1::text
    ORDER BY d.lane_turn LIMIT $2::bigint FOR UPDATE SKIP LOCKED),
claimed AS (
    UPDATE deliveries d
    SET state = 'delivering', due_at = $3::timestamptz, lease_owner = $4::text, lane = NULL, lane_turn = NULL
    FROM due WHERE d.id = due.id
    RETURNING d.id, d.alert_id, d.attempts, d.round_start, d.kind, d.created_at, d.deadline, d.test_price,
              d.late, d.firing, d.price, d.price_time, d.revision, d.level, d.condition, d.evidence, d.push_id,
              d.push_revision,
              due.lane_turn AS turn)
-- include: claimed
ORDER BY d.turn;

-- name: lanes
-- One step in the index for each.
WITH RECURSIVE l(lane) AS (
    SELECT min(lane) FROM deliveries WHERE lane > $2::text
    UNION ALL
    SELECT (SELECT min(d.lane) FROM deliveries d WHERE d.lane > l.lane) FROM l WHERE l.lane IS NOT NULL)
SELECT lane FROM l WHERE lane IS NOT NULL LIMIT $1::bigint;

-- name: next_due
SELECT min(due_at) FROM deliveries WHERE due_at IS NOT NULL;

-- name: next_due_of
-- One step in the index for each slot.
SELECT min(first.due_at) FROM unnest($1::int[]) s(slot) CROSS JOIN LATERAL (
    SELECT d.due_at FROM deliveries d WHERE get_byte(uuid_send(d.user_id), 15) = s.slot AND d.due_at IS NOT NULL
    ORDER BY d.due_at LIMIT 1) first;

-- name: backlog
SELECT (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE due_at <= $1::timestamptz
                              ORDER BY due_at LIMIT $2::bigint) AS d),
       (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE due_at IS NOT NULL
                              ORDER BY due_at LIMIT $2::bigint) AS u),
       (SELECT min(due_at) FROM deliveries WHERE due_at <= $1::timestamptz);

-- name: release
WITH held AS MATERIALIZED (
    SELECT id FROM deliveries WHERE lease_owner = ANY ($1::text[]) ORDER BY id FOR UPDATE)
UPDATE deliveries d SET state = 'pending', due_at = LEAST(d.created_at, clock_timestamp()), lease_owner = NULL
FROM held WHERE d.id = held.id;

-- name: release_claim
UPDATE deliveries SET state = 'pending', due_at = LEAST(created_at, clock_timestamp()), lease_owner = NULL
WHERE alert_id = $1::uuid AND lease_owner = $2::text AND due_at = $3::timestamptz
RETURNING id, user_id, push_id IS NOT NULL;

-- name: release_lease
WITH held AS MATERIALIZED (
    SELECT d.id FROM unnest($1::text[], $2::timestamptz[]) l(owner, until)
    JOIN deliveries d ON d.lease_owner = l.owner AND d.due_at = l.until ORDER BY d.id FOR UPDATE OF d)
UPDATE deliveries d SET state = 'pending', due_at = LEAST(d.created_at, clock_timestamp()), lease_owner = NULL
FROM held WHERE d.id = held.id;

-- name: sender_alive
INSERT INTO senders (owner, alive_until)
VALUES ($1::text, clock_timestamp() + $2::bigint * interval '1 microsecond')
ON CONFLICT (owner) DO UPDATE SET alive_until = excluded.alive_until;

-- name: sender_forget
DELETE FROM senders WHERE owner = $1::text;

-- name: senders_dead
-- A sender that another process is removing, or that is just calling keep_alive, is skipped.
DELETE FROM senders WHERE owner IN (
    SELECT owner FROM senders WHERE alive_until <= clock_timestamp() FOR UPDATE SKIP LOCKED)
RETURNING owner;

-- name: defer
WITH given AS MATERIALIZED (
    SELECT g.id, g.attempt, g.due_at, g.lane, nextval('lane_turns') AS turn
    FROM (SELECT * FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[])
                        WITH ORDINALITY n(id, attempt, due_at, lane, place)
          ORDER BY place) g),
held AS MATERIALIZED (
    SELECT d.id, g.due_at, g.lane, g.turn
    FROM given g JOIN deliveries d ON d.id = g.id AND d.attempts = g.attempt - 1
    WHERE d.state = 'delivering' ORDER BY d.id FOR UPDATE OF d)
UPDATE deliveries d
SET state = 'pending', due_at = h.due_at, lease_owner = NULL, lane = nullif(h.lane, ''),
    lane_turn = CASE WHEN h.lane <> '' THEN h.turn END
FROM held h WHERE d.id = h.id;

-- name: record
-- A delivery cancelled in the meantime stays cancelled unless it arrived; its attempt is recorded all the same. What is
-- counted by endpoint is written apart. Other senders write the same rows, so endpoint_refusals is written after
-- disabled_endpoints, for which it reads what that returned, and each in the order of its key. $22: whether no attempt was
-- refused; if so, refusals that were counted for endpoints that have answered now are deleted.
WITH o AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::boolean[], $4::delivery_state[], $5::timestamptz[],
                         $6::timestamptz[], $7::text[], $8::boolean[], $9::timestamptz[], $10::bigint[], $11::int[], $12::text[],
                         $13::text[], $14::text[], $15::bytea[], $16::bigint[], $17::bigint[], $18::bigint[],
                         $19::bigint[], $20::text[], $21::text[])
                  WITH ORDINALITY o(id, number, made, next, due_at, ended_at, reason, disable, started_at,
                                    duration_us, status, error, remote_ip, request_headers, answer, dns_us,
                                    connect_us, tls_us, first_byte_us, request_body, webhook_url, place)),
held AS MATERIALIZED (
    SELECT o.*, d.due_at IS NOT NULL OR o.next = 'delivered' AS counts
    FROM o JOIN deliveries d ON d.id = o.id AND d.attempts = o.number - 1
    WHERE d.due_at IS NOT NULL OR (d.state = 'cancelled' AND o.made)
    ORDER BY d.id FOR UPDATE OF d),
written AS (
    UPDATE deliveries d
    SET state = CASE WHEN h.counts THEN h.next ELSE d.state END,
        attempts = d.attempts + h.made::int,
        due_at = CASE WHEN h.counts THEN h.due_at END,
        finished_at = CASE WHEN NOT h.counts THEN d.finished_at
                           WHEN h.next NOT IN ('pending', 'delivering') THEN h.ended_at END,
        reason = CASE WHEN h.counts THEN h.reason ELSE d.reason END,
        lease_owner = NULL, lane = NULL, lane_turn = NULL
    FROM held h WHERE d.id = h.id
    RETURNING h.*, d.user_id, d.alert_id),
attempted AS (
    INSERT INTO attempts (delivery_id, number, started_at, duration_us, status, error, remote_ip, request_headers,
                          answer, dns_us, connect_us, tls_us, first_byte_us, request_body)
    SELECT id, number, started_at, duration_us, status, error, remote_ip, request_headers, answer, dns_us,
           connect_us, tls_us, first_byte_us, request_body
    FROM written WHERE made),
disabled AS (
    INSERT INTO disabled_endpoints (user_id, webhook_url, disabled_at, reason)
    SELECT DISTINCT ON (w.user_id, a.webhook_url) w.user_id, a.webhook_url, w.ended_at, w.reason
    FROM written w JOIN alerts a ON a.id = w.alert_id
    WHERE w.disable
    ORDER BY w.user_id, a.webhook_url, w.place DESC
    ON CONFLICT (user_id, webhook_url) DO UPDATE SET disabled_at = excluded.disabled_at, reason = excluded.reason
    RETURNING 1),
answered AS (
    SELECT DISTINCT user_id, webhook_url FROM written
    WHERE $22::boolean AND made AND webhook_url IS NOT NULL AND status IS NOT NULL),
forgotten AS (
    DELETE FROM endpoint_refusals r
    USING (SELECT r.user_id, r.webhook_url FROM answered a JOIN endpoint_refusals r USING (user_id, webhook_url)
           WHERE (SELECT count(*) FROM disabled) >= 0 ORDER BY r.user_id, r.webhook_url FOR UPDATE OF r) l
    WHERE r.user_id = l.user_id AND r.webhook_url = l.webhook_url)
SELECT place FROM written ORDER BY place;

-- name: drop_attempts
-- Apart from "record": few deliveries have as many, and the plan of both would be kept from when there were no attempts.
DELETE FROM attempts t USING unnest($1::uuid[], $2::int[]) o(id, number)
WHERE t.delivery_id = o.id AND t.number <= o.number;

-- name: endpoint_seen_put
-- What was called earlier may be counted later, by another sender too.
INSERT INTO endpoints_seen AS s (user_id, webhook_url, success_at, failure_at, failure, failure_status, last_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::int[], $7::timestamptz[])
              n(user_id, webhook_url, success_at, failure_at, failure, failure_status, last_at)
ORDER BY user_id, webhook_url COLLATE "C"
ON CONFLICT (user_id, webhook_url) DO UPDATE
SET success_at = greatest(excluded.success_at, s.success_at),
    failure = CASE WHEN excluded.failure_at >= coalesce(s.failure_at, '-infinity') THEN excluded.failure ELSE s.failure END,
    failure_status = CASE WHEN excluded.failure_at >= coalesce(s.failure_at, '-infinity') THEN excluded.failure_status
                          ELSE s.failure_status END,
    failure_at = greatest(excluded.failure_at, s.failure_at), last_at = greatest(excluded.last_at, s.last_at);

-- name: endpoint_calls_add
INSERT INTO endpoint_calls AS c (user_id, webhook_url, hour, succeeded, place, calls)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::boolean[], $5::int[], $6::bigint[])
              n(user_id, webhook_url, hour, succeeded, place, calls)
ORDER BY user_id, webhook_url COLLATE "C", hour, succeeded, place
ON CONFLICT (user_id, webhook_url, hour, succeeded, place) DO UPDATE SET calls = c.calls + excluded.calls;

-- name: endpoints_seen
SELECT webhook_url, success_at, failure_at, failure, failure_status FROM endpoints_seen
WHERE user_id = $1::uuid AND webhook_url >= $2::text AND webhook_url <= $3::text ORDER BY webhook_url LIMIT 20000;

-- name: endpoint_calls
SELECT webhook_url, succeeded, place, calls FROM endpoint_calls
WHERE user_id = $1::uuid AND webhook_url >= $2::text AND webhook_url <= $3::text AND hour >= $4::bigint
ORDER BY webhook_url LIMIT 100000;

-- name: prune_endpoints_seen
DELETE FROM endpoints_seen WHERE (user_id, webhook_url) IN (
    SELECT user_id, webhook_url FROM endpoints_seen WHERE last_at < $1::timestamptz
    ORDER BY last_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED);

-- name: prune_endpoint_calls
DELETE FROM endpoint_calls WHERE (user_id, webhook_url, hour, succeeded, place) IN (
    SELECT user_id, webhook_url, hour, succeeded, place FROM endpoint_calls WHERE hour < $1::bigint
    ORDER BY hour LIMIT $2::bigint FOR UPDATE SKIP LOCKED);

-- name: refusals_lock
-- In order, since other senders count too.
SELECT count(*) FROM (
    SELECT 1 FROM endpoint_refusals r JOIN unnest($1::uuid[], $2::text[]) n(user_id, webhook_url)
                  USING (user_id, webhook_url)
    ORDER BY user_id, webhook_url FOR UPDATE OF r) locked;

-- name: refusals_any
SELECT EXISTS (SELECT 1 FROM endpoint_refusals);

-- name: refusals_forget
DELETE FROM endpoint_refusals r USING unnest($1::uuid[], $2::text[]) n(user_id, webhook_url)
WHERE r.user_id = n.user_id AND r.webhook_url = n.webhook_url;

-- name: refusals_add
INSERT INTO endpoint_refusals AS r (user_id, webhook_url, refusals, status, last_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::timestamptz[])
              n(user_id, webhook_url, refusals, status, last_at) ORDER BY user_id, webhook_url
ON CONFLICT (user_id, webhook_url) DO UPDATE
SET refusals = r.refusals + excluded.refusals,
    status = CASE WHEN r.status = excluded.status THEN r.status ELSE 0 END, last_at = excluded.last_at;

-- name: refusals_many
SELECT user_id, webhook_url, last_at, status FROM endpoint_refusals WHERE refusals >= 50
ORDER BY user_id, webhook_url FOR UPDATE;

-- name: refusals_disable
INSERT INTO disabled_endpoints (user_id, webhook_url, disabled_at, reason)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[])
ON CONFLICT (user_id, webhook_url) DO UPDATE SET disabled_at = excluded.disabled_at, reason = excluded.reason;

-- name: prune_refusals
DELETE FROM endpoint_refusals WHERE (user_id, webhook_url) IN (
    SELECT user_id, webhook_url FROM endpoint_refusals WHERE last_at < $1::timestamptz
    ORDER BY last_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED);

-- name: delivery_get
SELECT
-- include: delivery_columns
FROM deliveries d JOIN alerts a ON a.id = d.alert_id
     LEFT JOIN attempts t ON t.delivery_id = d.id AND t.number = d.attempts
     LEFT JOIN prices_fired g ON g.id = CASE WHEN d.revision IS NOT NULL THEN d.price_fired END
     LEFT JOIN push_subscriptions p ON p.id = d.push_id
WHERE d.id = $1::uuid AND d.user_id = $2::uuid;

-- name: delivery_filter
-- What is left of a DeliveryFilter: no index finds it.
  AND ($8::text IS NULL OR (a.webhook_url = $8::text AND d.push_id IS NULL))
  AND ($9::text IS NULL OR $9::text = CASE WHEN d.push_id IS NOT NULL THEN 'push' WHEN d.test_price IS NOT NULL THEN 'test' WHEN d.kind = 'expired' THEN 'expired'
                                         ELSE 'alert' END)
  AND ($10::int IS NULL OR (d.attempts > 0 AND $10::int = coalesce(t.status / 100, 0)))

-- name: delivery_list
SELECT
-- include: delivery_columns
FROM deliveries d JOIN alerts a ON a.id = d.alert_id
     LEFT JOIN attempts t ON t.delivery_id = d.id AND t.number = d.attempts
     LEFT JOIN prices_fired g ON g.id = CASE WHEN d.revision IS NOT NULL THEN d.price_fired END
     LEFT JOIN push_subscriptions p ON p.id = d.push_id
WHERE d.user_id = $1::uuid AND d.id >= $2::uuid AND d.id < $3::uuid
  AND d.created_at >= $4::timestamptz AND d.created_at < $5::timestamptz
  AND ($6::delivery_state IS NULL OR d.state = $6::delivery_state)
-- include: delivery_filter
ORDER BY d.user_id DESC, d.id DESC LIMIT $7::bigint;

-- name: delivery_horizon
SELECT id FROM deliveries WHERE user_id = $1::uuid AND id >= $2::uuid AND id < $3::uuid
ORDER BY user_id DESC, id DESC LIMIT 1 OFFSET $4::bigint;

-- name: delivery_list_missed
SELECT
-- include: delivery_columns
FROM deliveries d JOIN alerts a ON a.id = d.alert_id
     LEFT JOIN attempts t ON t.delivery_id = d.id AND t.number = d.attempts
     LEFT JOIN prices_fired g ON g.id = CASE WHEN d.revision IS NOT NULL THEN d.price_fired END
     LEFT JOIN push_subscriptions p ON p.id = d.push_id
WHERE d.user_id = $1::uuid AND d.id >= $2::uuid AND d.id < $3::uuid
  AND d.created_at >= $4::timestamptz AND d.created_at < $5::timestamptz
  AND d.finished_at IS NOT NULL AND d.state <> 'delivered' AND d.state = $6::delivery_state
-- include: delivery_filter
ORDER BY d.user_id DESC, d.id DESC LIMIT $7::bigint;

-- name: delivery_list_of_alert
-- IS NOT DISTINCT FROM is an = that cannot use an index: with one, all deliveries of the user would be scanned.
SELECT
-- include: delivery_columns
FROM deliveries d JOIN alerts a ON a.id = d.alert_id
     LEFT JOIN attempts t ON t.delivery_id = d.id AND t.number = d.attempts
     LEFT JOIN prices_fired g ON g.id = CASE WHEN d.revision IS NOT NULL THEN d.price_fired END
     LEFT JOIN push_subscriptions p ON p.id = d.push_id
WHERE d.id = ANY (ARRAY(SELECT f.delivery_id FROM alerts f WHERE f.id = $11::uuid
                        UNION ALL SELECT o.id FROM deliveries o WHERE o.alert_id = $11::uuid AND o.test_price IS NOT NULL
                        UNION ALL SELECT r.id FROM deliveries r
                                  WHERE r.alert_id = $11::uuid AND r.revision IS NOT NULL AND r.id >= $2::uuid
                                    AND r.id < $3::uuid
                        UNION ALL SELECT r.id FROM deliveries r
                                  WHERE r.alert_id = $11::uuid AND r.push_id IS NOT NULL
                                    AND r.id >= $2::uuid AND r.id < $3::uuid))
  AND d.user_id IS NOT DISTINCT FROM $1::uuid AND d.id >= $2::uuid AND d.id < $3::uuid
  AND d.created_at >= $4::timestamptz AND d.created_at < $5::timestamptz
  AND ($6::delivery_state IS NULL OR d.state = $6::delivery_state)
-- include: delivery_filter
ORDER BY d.id DESC LIMIT $7::bigint;

-- name: attempts_of
SELECT number, started_at, duration_us, status, error, remote_ip, request_headers, answer, dns_us, connect_us, tls_us,
       first_byte_us
FROM attempts WHERE delivery_id = $1::uuid ORDER BY number DESC LIMIT $2::bigint;

-- name: last_request
SELECT number, request_body FROM attempts WHERE delivery_id = $1::uuid AND request_body IS NOT NULL
ORDER BY number DESC LIMIT 1;

-- name: delivery_lock
SELECT d.state, d.attempts, d.retries,
       EXISTS (SELECT 1 FROM alerts a JOIN disabled_endpoints e
                    ON e.user_id = a.user_id AND e.webhook_url = a.webhook_url
               WHERE a.id = d.alert_id AND d.push_id IS NULL),
       d.push_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM push_subscriptions p WHERE p.id = d.push_id)
FROM deliveries d JOIN users u ON u.id = d.user_id
WHERE d.id = $1::uuid AND d.user_id = $2::uuid AND u.deleted_at IS NULL FOR UPDATE OF d;

-- name: delivery_restart
-- One that has ended gets one attempt: beyond any policy's number, so that it is the last (ClaimedDelivery::round).
UPDATE deliveries d
SET state = 'pending', due_at = $2::timestamptz, lease_owner = NULL, lane = NULL, lane_turn = NULL,
    round_start = CASE WHEN d.finished_at IS NULL THEN d.round_start ELSE d.attempts - 1000000 END,
    retries = d.retries + (d.finished_at IS NOT NULL)::int,
    deadline = $2::timestamptz + a.deliver_within * interval '1 microsecond', finished_at = NULL, reason = ''
FROM alerts a WHERE d.id = ANY ($1::uuid[]) AND a.id = d.alert_id;

-- name: delivery_cancel
UPDATE deliveries SET state = 'cancelled', due_at = NULL, lease_owner = NULL, lane = NULL, lane_turn = NULL,
                      finished_at = $2::timestamptz, reason = 'cancelled by its user'
WHERE id = $1::uuid;

-- name: deliveries_lock_failed
SELECT d.id, d.attempts, d.retries,
       EXISTS (SELECT 1 FROM alerts a JOIN disabled_endpoints e
                    ON e.user_id = a.user_id AND e.webhook_url = a.webhook_url
               WHERE a.id = d.alert_id),
       (SELECT a.webhook_url FROM alerts a WHERE a.id = d.alert_id)
FROM deliveries d
WHERE d.user_id = $1::uuid AND d.id >= $2::uuid AND d.id < $5::uuid AND d.created_at >= $3::timestamptz
  AND d.created_at < $6::timestamptz AND d.finished_at IS NOT NULL AND d.state <> 'delivered'
  AND strpos($7::text, d.state::text || ' ') > 0 AND d.push_id IS NULL
  AND EXISTS (SELECT 1 FROM users u WHERE u.id = $1::uuid AND u.deleted_at IS NULL)
ORDER BY d.user_id, d.id LIMIT $4::bigint FOR UPDATE OF d;

-- name: test_insert
INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, test_price)
SELECT $1::uuid, a.id, a.user_id, (CASE WHEN a.rule IS NULL THEN 'test' ELSE 'ruled_test' END)::delivery_kind,
       'pending', $2::timestamptz, $2::timestamptz, $2::timestamptz + a.deliver_within * interval '1 microsecond', $3::numeric
FROM alerts a WHERE a.id = $4::uuid AND a.deleted_at IS NULL;

-- name: carrier_put
-- An alert that is deleted from the beginning.
INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at, format, template_body,
                    template_type, note, deliver_within, message, deleted_at)
SELECT $1::uuid, u.id, $3::text, $4::alert_condition, $5::numeric, $6::text, false, $7::timestamptz, $8::payload_format,
       $9::text, $10::text, $11::text, $12::bigint, $13::text, $7::timestamptz
FROM users u WHERE u.id = $2::uuid AND u.deleted_at IS NULL
ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at;

-- name: carried_test_insert
INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, test_price)
SELECT $1::uuid, a.id, a.user_id, 'test', 'pending', $2::timestamptz, $2::timestamptz,
       $2::timestamptz + a.deliver_within * interval '1 microsecond', $3::numeric
FROM alerts a WHERE a.id = $4::uuid;

-- name: tests_unfinished
SELECT count(*) FROM deliveries WHERE alert_id = $1::uuid AND test_price IS NOT NULL AND due_at IS NOT NULL;

-- name: tests_old
SELECT id FROM deliveries WHERE alert_id = $1::uuid AND test_price IS NOT NULL AND due_at IS NULL
ORDER BY id DESC LIMIT 100 OFFSET $2::bigint;

-- name: push_test_insert
INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, test_price, push_id)
SELECT $1::uuid, a.id, a.user_id, 'test_push', 'pending', $2::timestamptz, $2::timestamptz,
       $2::timestamptz + a.deliver_within * interval '1 microsecond', $3::numeric, a.id
FROM alerts a WHERE a.id = $4::uuid;

-- name: pushes_of
SELECT
-- include: subscription_columns
FROM push_subscriptions WHERE user_id = $1::uuid ORDER BY id;

-- name: push_get
SELECT
-- include: subscription_columns
FROM push_subscriptions WHERE id = $1::uuid AND user_id = $2::uuid;

-- name: push_of_endpoint
SELECT
-- include: subscription_columns
FROM push_subscriptions WHERE endpoint = $1::text FOR UPDATE;

-- name: push_lock
SELECT 1 FROM push_subscriptions WHERE id = $1::uuid AND user_id = $2::uuid FOR UPDATE;

-- name: pushes_count
SELECT count(*) FROM push_subscriptions WHERE user_id = $1::uuid;

-- name: push_put
-- Another user's may have come first.
INSERT INTO push_subscriptions AS s (id, user_id, endpoint, keys, label, created_at)
VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::timestamptz)
ON CONFLICT (endpoint) DO UPDATE
SET id = excluded.id, user_id = excluded.user_id, keys = excluded.keys, label = excluded.label,
    created_at = excluded.created_at, success_at = CASE WHEN s.user_id = excluded.user_id THEN s.success_at END,
    failure_at = CASE WHEN s.user_id = excluded.user_id THEN s.failure_at END,
    failure = CASE WHEN s.user_id = excluded.user_id THEN s.failure ELSE '' END;

-- name: push_remove
DELETE FROM push_subscriptions WHERE id = $1::uuid;

-- name: push_end
-- Those that another transaction is writing end when they are claimed next, since their subscription is gone.
WITH open AS MATERIALIZED (
    SELECT id FROM deliveries WHERE push_id = $1::uuid AND push_id IS NOT NULL AND due_at IS NOT NULL
    ORDER BY id FOR UPDATE SKIP LOCKED)
UPDATE deliveries d
SET state = $2::delivery_state, due_at = NULL, lease_owner = NULL, lane = NULL, lane_turn = NULL,
    finished_at = $3::timestamptz, reason = $4::text
FROM open WHERE d.id = open.id;

-- name: push_seen
-- One that another sender is writing is left to it.
WITH seen AS MATERIALIZED (
    SELECT n.* FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[]) n(id, success_at, failure_at, failure)
                    JOIN push_subscriptions o ON o.id = n.id ORDER BY o.id FOR UPDATE OF o SKIP LOCKED)
UPDATE push_subscriptions s
SET success_at = greatest(n.success_at, s.success_at), failure_at = greatest(n.failure_at, s.failure_at),
    failure = CASE WHEN n.failure_at IS NULL THEN s.failure ELSE n.failure END
FROM seen n WHERE s.id = n.id;

-- name: pushes_after
SELECT
-- include: subscription_columns
FROM push_subscriptions WHERE id > $1::uuid ORDER BY id LIMIT $2::bigint;

-- name: push_keys_replace
UPDATE push_subscriptions SET keys = $3::text WHERE id = $1::uuid AND keys = $2::text;

-- name: server_key
SELECT sealed FROM server_keys WHERE name = $1::text;

-- name: server_key_put
INSERT INTO server_keys (name, sealed) VALUES ($1::text, $2::text) ON CONFLICT DO NOTHING;

-- name: server_keys
SELECT name FROM server_keys ORDER BY name;

-- name: server_key_replace
UPDATE server_keys SET sealed = $3::text WHERE name = $1::text AND sealed = $2::text;

-- name: prune_delivery
DELETE FROM deliveries WHERE id = ANY ($1::uuid[]);

-- name: prune_attempts
DELETE FROM attempts WHERE delivery_id = ANY ($1::uuid[]);

-- name: endpoints
-- Of the latest alerts, so that the work is bounded: a user may have any number that have fired.
SELECT webhook_url, disabled_at, reason FROM (
    (SELECT 0 AS part, e.webhook_url, e.disabled_at, e.reason FROM disabled_endpoints e
     WHERE e.user_id = $1::uuid AND NOT $3::boolean AND e.webhook_url > $4::text
     ORDER BY e.webhook_url LIMIT $2::bigint)
    UNION ALL
    (SELECT DISTINCT 1, u.webhook_url, NULL::timestamptz, ''
     FROM (SELECT a.webhook_url, a.deleted_at FROM alerts a WHERE a.user_id = $1::uuid
           ORDER BY a.user_id DESC, a.id DESC LIMIT 20000) u
     WHERE u.deleted_at IS NULL AND (NOT $3::boolean OR u.webhook_url > $4::text)
       AND NOT EXISTS (SELECT 1 FROM disabled_endpoints e
                       WHERE e.user_id = $1::uuid AND e.webhook_url = u.webhook_url)
     ORDER BY u.webhook_url LIMIT $2::bigint)) both_parts
ORDER BY part, webhook_url LIMIT $2::bigint;

-- name: endpoint_get
-- As above.
SELECT e.webhook_url, e.disabled_at, e.reason FROM disabled_endpoints e
WHERE e.user_id = $1::uuid AND e.webhook_url = $2::text
UNION ALL
SELECT $2::text, NULL::timestamptz, '' WHERE EXISTS (
    SELECT 1 FROM (SELECT a.webhook_url, a.deleted_at FROM alerts a WHERE a.user_id = $1::uuid
                   ORDER BY a.user_id DESC, a.id DESC LIMIT 20000) u
    WHERE u.webhook_url = $2::text AND u.deleted_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM disabled_endpoints e WHERE e.user_id = $1::uuid AND e.webhook_url = $2::text);

-- name: endpoint_enable
DELETE FROM disabled_endpoints WHERE user_id = $1::uuid AND webhook_url = $2::text;

-- name: breaker_put
-- The users are locked against being deleted, in order.
INSERT INTO user_breakers (user_id, endpoint, state, failures, retry_at, reason, changed_at)
SELECT b.* FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::timestamptz[], $6::text[], $7::timestamptz[])
                b(user_id, endpoint, state, failures, retry_at, reason, changed_at)
                JOIN users u ON u.id = b.user_id AND u.deleted_at IS NULL
ORDER BY b.user_id, b.endpoint FOR KEY SHARE OF u
ON CONFLICT (user_id, endpoint) DO UPDATE
SET state = excluded.state, failures = excluded.failures, retry_at = excluded.retry_at, reason = excluded.reason,
    changed_at = excluded.changed_at;

-- name: breaker_remove
DELETE FROM user_breakers b USING unnest($1::uuid[], $2::text[]) g(user_id, endpoint)
WHERE b.user_id = g.user_id AND b.endpoint = g.endpoint;

-- name: breakers_all
SELECT user_id, endpoint, state, failures, retry_at, reason, changed_at FROM user_breakers
ORDER BY user_id, endpoint;

-- name: breakers_of
SELECT user_id, endpoint, state, failures, retry_at, reason, changed_at FROM user_breakers WHERE user_id = $1::uuid
ORDER BY endpoint;

-- name: attempts_rotate
SELECT attempts_rotate($1::timestamptz, $2::uuid);

-- name: prune_deliveries
-- Attempts go with their week, but for those that have none.
WITH old AS MATERIALIZED (
    SELECT id, alert_id FROM deliveries
    WHERE id < $1::uuid AND created_at < $2::timestamptz AND due_at IS NULL
    ORDER BY id LIMIT $3::bigint FOR UPDATE SKIP LOCKED),
attempts_gone AS (
    DELETE FROM attempts_before t USING old WHERE t.delivery_id = old.id),
rest_gone AS (
    DELETE FROM attempts_rest t USING old WHERE t.delivery_id = old.id),
unlinked AS (
    UPDATE alerts a SET delivery_id = NULL FROM old
    WHERE a.id = old.alert_id AND a.delivery_id = old.id AND a.deleted_at IS NOT NULL)
DELETE FROM deliveries d USING old WHERE d.id = old.id;

-- name: prune_alerts
DELETE FROM alerts WHERE id IN (
    SELECT a.id FROM alerts a
    WHERE a.deleted_at < $1::timestamptz AND a.delivery_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = a.id AND d.test_price IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = a.id AND d.revision IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = a.id AND d.push_id IS NOT NULL)
    ORDER BY a.deleted_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED);

-- name: prune_boards
DELETE FROM prices_fired WHERE id IN (
    SELECT id FROM prices_fired WHERE id < $1::uuid ORDER BY id LIMIT $2::bigint FOR UPDATE SKIP LOCKED);

-- name: prune_rules
DELETE FROM alert_rules WHERE (alert_id, revision) IN (
    SELECT r.alert_id, r.revision FROM alert_rules r
    WHERE r.replaced_at < $1::timestamptz
      AND NOT EXISTS (SELECT 1 FROM deliveries d
                      WHERE d.alert_id = r.alert_id AND d.revision IS NOT NULL AND d.revision = r.revision)
      AND NOT EXISTS (SELECT 1 FROM deliveries d
                      WHERE d.alert_id = r.alert_id AND d.push_id IS NOT NULL AND d.push_revision = r.revision)
    ORDER BY r.replaced_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED);

-- name: prune_answers
DELETE FROM idempotency_keys WHERE (user_id, key) IN (
    SELECT user_id, key FROM idempotency_keys WHERE created_at < $1::timestamptz
    ORDER BY created_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED);

-- name: prune_endpoints
DELETE FROM disabled_endpoints WHERE (user_id, webhook_url) IN (
    SELECT e.user_id, e.webhook_url
    FROM users u CROSS JOIN LATERAL (
        SELECT d.user_id, d.webhook_url FROM disabled_endpoints d WHERE d.user_id = u.id LIMIT $1::bigint) e
    WHERE u.deleted_at IS NOT NULL LIMIT $1::bigint);

-- name: prune_users
DELETE FROM users WHERE id IN (
    SELECT u.id FROM users u
    WHERE u.deleted_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.user_id = u.id)
      AND NOT EXISTS (SELECT 1 FROM disabled_endpoints e WHERE e.user_id = u.id)
    LIMIT $1::bigint);

-- name: bars_merge
INSERT INTO bars AS b (ticker, start, open, high, low, close)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[])
              n(ticker, start, open, high, low, close) ORDER BY ticker, start
ON CONFLICT (ticker, start) DO UPDATE
SET high = greatest(b.high, excluded.high), low = least(b.low, excluded.low), close = excluded.close
RETURNING start, open, high, low, close, volume, origin, ticker;

-- name: bar_set
INSERT INTO bars AS b (ticker, start, open, high, low, close, volume, origin)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[],
                     $7::numeric[], $8::smallint[]) n(ticker, start, open, high, low, close, volume, origin)
ORDER BY ticker, start
ON CONFLICT (ticker, start) DO UPDATE
SET open = excluded.open, high = greatest(b.high, excluded.high), low = least(b.low, excluded.low),
    close = excluded.close, volume = excluded.volume, origin = excluded.origin;

-- name: hour_bars_merge
-- As merge() of two HourBars; origin 2 is a candle.
INSERT INTO hour_bars AS h (ticker, start, open, high, low, close, volume, origin, first_minute, last_minute)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[],
                     $7::numeric[], $8::smallint[], $9::timestamptz[], $10::timestamptz[])
              n(ticker, start, open, high, low, close, volume, origin, first_minute, last_minute)
ORDER BY ticker, start
ON CONFLICT (ticker, start) DO UPDATE
SET high = greatest(h.high, excluded.high), low = least(h.low, excluded.low),
    origin = greatest(h.origin, excluded.origin),
    first_minute = least(h.first_minute, excluded.first_minute),
    last_minute = greatest(h.last_minute, excluded.last_minute),
    open = CASE WHEN excluded.origin = 2 OR (h.origin < 2 AND excluded.first_minute <= h.first_minute)
                THEN excluded.open ELSE h.open END,
    close = CASE WHEN excluded.origin = 2 OR (h.origin < 2 AND excluded.last_minute >= h.last_minute)
                 THEN excluded.close ELSE h.close END,
    volume = CASE WHEN excluded.origin = 2 THEN excluded.volume WHEN h.origin = 2 THEN h.volume
                  ELSE coalesce(excluded.volume, h.volume) END;

-- name: day_bar_set
INSERT INTO day_bars (ticker, start, open, high, low, close, volume)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[],
                     $7::numeric[]) n(ticker, start, open, high, low, close, volume) ORDER BY ticker, start
ON CONFLICT (ticker, start) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume;

-- name: bars
SELECT start, open, high, low, close, volume, origin FROM bars
WHERE ticker = $1::text AND start >= $2::timestamptz AND start < $3::timestamptz ORDER BY start DESC LIMIT $4::bigint;

-- name: hour_bars
SELECT start, open, high, low, close, volume, origin FROM hour_bars
WHERE ticker = $1::text AND start >= $2::timestamptz AND start < $3::timestamptz ORDER BY start DESC LIMIT $4::bigint;

-- name: bars_of
SELECT b.start, b.open, b.high, b.low, b.close, b.volume, b.origin, t.ticker
FROM unnest($1::text[]) WITH ORDINALITY t(ticker, place) CROSS JOIN LATERAL (
    SELECT start, open, high, low, close, volume, origin FROM bars
    WHERE ticker = t.ticker AND start >= $2::timestamptz AND start < $3::timestamptz
    ORDER BY start DESC LIMIT $4::bigint) b
ORDER BY t.place, b.start;

-- name: hour_bars_of
SELECT b.start, b.open, b.high, b.low, b.close, b.volume, b.origin, t.ticker
FROM unnest($1::text[]) WITH ORDINALITY t(ticker, place) CROSS JOIN LATERAL (
    SELECT start, open, high, low, close, volume, origin FROM hour_bars
    WHERE ticker = t.ticker AND start >= $2::timestamptz AND start < $3::timestamptz
    ORDER BY start DESC LIMIT $4::bigint) b
ORDER BY t.place, b.start;

-- name: day_bars
SELECT start, open, high, low, close, volume, 1 FROM day_bars
WHERE ticker = $1::text AND start >= $2::timestamptz AND start < $3::timestamptz ORDER BY start DESC LIMIT $4::bigint;

-- name: bars_prune
DELETE FROM bars WHERE (ticker, start) IN (
    SELECT ticker, start FROM bars WHERE start < $1::timestamptz ORDER BY start LIMIT $2::bigint
    FOR UPDATE SKIP LOCKED);

-- name: hour_bars_prune
DELETE FROM hour_bars WHERE (ticker, start) IN (
    SELECT ticker, start FROM hour_bars WHERE start <= $1::timestamptz ORDER BY start LIMIT $2::bigint
    FOR UPDATE SKIP LOCKED);

-- name: day_bars_prune
DELETE FROM day_bars WHERE (ticker, start) IN (
    SELECT ticker, start FROM day_bars WHERE start <= $1::timestamptz ORDER BY start LIMIT $2::bigint
    FOR UPDATE SKIP LOCKED);

-- name: fill_claim
INSERT INTO fills AS f (ticker, owner, next_at, lease) VALUES ($1::text, $2::text, timestamptz 'epoch', $4::timestamptz)
ON CONFLICT (ticker) DO UPDATE SET owner = $2::text, lease = $4::timestamptz
WHERE (f.next_at <= $3::timestamptz OR coalesce(f.filled_until, timestamptz 'epoch') < $5::timestamptz)
      AND (f.owner IS NULL OR f.owner = $2::text OR f.lease < $3::timestamptz);

-- name: fill_finish
UPDATE fills SET filled_until = coalesce($3::timestamptz, filled_until), next_at = $4::timestamptz, owner = NULL
WHERE ticker = $1::text AND owner = $2::text;

-- name: fill_get
SELECT filled_until, next_at FROM fills WHERE ticker = $1::text;

-- name: needs_forget
DELETE FROM ticker_needs WHERE ticker IN (
    SELECT ticker FROM ticker_needs WHERE until < $1::timestamptz OR until > $2::timestamptz
    ORDER BY ticker FOR UPDATE SKIP LOCKED);

-- name: need
INSERT INTO ticker_needs AS n (ticker, until)
SELECT ticker, $2::timestamptz FROM unnest($1::text[]) g(ticker) ORDER BY ticker COLLATE "C"
ON CONFLICT (ticker) DO UPDATE SET until = greatest(n.until, excluded.until);

-- name: needed_tickers
WITH RECURSIVE t(ticker) AS (
    SELECT min(ticker) FROM alerts WHERE is_active
    UNION ALL
    SELECT (SELECT min(a.ticker) FROM alerts a WHERE a.is_active AND a.ticker > t.ticker)
    FROM t WHERE t.ticker IS NOT NULL)
SELECT ticker, true FROM t WHERE ticker IS NOT NULL
UNION ALL
SELECT ticker, false FROM ticker_needs WHERE until > $1::timestamptz;

-- name: other_tickers
-- Those that active alerts watch besides their own, each text once.
WITH RECURSIVE t(others) AS (
    SELECT min(others) FROM alert_states WHERE others <> ''
    UNION ALL
    SELECT (SELECT min(s.others) FROM alert_states s WHERE s.others <> '' AND s.others > t.others)
    FROM t WHERE t.others IS NOT NULL)
SELECT others FROM t WHERE others IS NOT NULL;

-- name: other_tickers_of
WITH RECURSIVE t(others) AS (
    SELECT min(others) FROM alert_states WHERE others <> '' AND user_id = $1::uuid
    UNION ALL
    SELECT (SELECT min(s.others) FROM alert_states s
            WHERE s.others <> '' AND s.user_id = $1::uuid AND s.others > t.others)
    FROM t WHERE t.others IS NOT NULL)
SELECT others FROM t WHERE others IS NOT NULL;

-- name: ratios_of
WITH RECURSIVE t(ratios) AS (
    (SELECT ratios FROM alert_states
     WHERE others <> '' AND user_id = $1::uuid AND ratios > '' AND alert_id <> $2::uuid ORDER BY ratios LIMIT 1)
    UNION ALL
    SELECT (SELECT s.ratios FROM alert_states s
            WHERE s.others <> '' AND s.ratios > '' AND s.user_id = $1::uuid AND s.ratios > t.ratios
                  AND s.alert_id <> $2::uuid
            ORDER BY s.ratios LIMIT 1)
    FROM t WHERE t.ratios IS NOT NULL)
SELECT ratios FROM t WHERE ratios IS NOT NULL;

-- name: ratios_not_known_of
SELECT a.rule FROM alert_states s JOIN alerts a ON a.id = s.alert_id
WHERE s.others <> '' AND s.user_id = $1::uuid AND s.ratios IS NULL AND s.alert_id <> $2::uuid AND a.rule IS NOT NULL;

-- name: alert_tickers
WITH RECURSIVE t(ticker) AS (
    SELECT min(ticker) FROM alerts WHERE is_active AND user_id = $1::uuid
    UNION ALL
    SELECT (SELECT min(a.ticker) FROM alerts a WHERE a.is_active AND a.user_id = $1::uuid AND a.ticker > t.ticker)
    FROM t WHERE t.ticker IS NOT NULL)
SELECT ticker FROM t WHERE ticker IS NOT NULL;

-- name: alert_counts
SELECT ticker, count(*) FROM alerts WHERE is_active AND user_id = $1::uuid GROUP BY ticker;

-- name: alert_counts_by_others
SELECT others, count(*) FROM alert_states WHERE user_id = $1::uuid AND others <> '' GROUP BY others;

-- name: alerts_of_ticker
SELECT $1::text, count(*) FROM (SELECT 1 FROM alerts WHERE is_active AND ticker = $1::text LIMIT 100000) a;

-- name: alerts_by_others
WITH RECURSIVE t(others) AS (
    SELECT min(others) FROM alert_states WHERE others <> ''
    UNION ALL
    SELECT (SELECT min(s.others) FROM alert_states s WHERE s.others <> '' AND s.others > t.others)
    FROM t WHERE t.others IS NOT NULL)
SELECT t.others, (SELECT count(*) FROM (SELECT 1 FROM alert_states s
                                        WHERE s.others <> '' AND s.others = t.others LIMIT 100000) AS counted)
FROM t WHERE t.others IS NOT NULL;

-- name: watch_state_put
INSERT INTO watch_states AS s (ticker, state, reason, since)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) g(ticker, state, reason, since)
ORDER BY ticker COLLATE "C"
ON CONFLICT (ticker) DO UPDATE
SET since = CASE WHEN s.state = excluded.state THEN s.since ELSE excluded.since END, state = excluded.state,
    reason = excluded.reason;

-- name: watch_state_remove
DELETE FROM watch_states WHERE ticker IN (
    SELECT ticker FROM watch_states WHERE ticker = ANY($1::text[]) ORDER BY ticker FOR UPDATE);

-- name: watch_states
SELECT ticker, state, reason, since FROM watch_states ORDER BY ticker;

-- name: listing_source_read
INSERT INTO listing_sources AS s (source, kind, read_at) VALUES ($1::text, $2::text, $3::timestamptz)
ON CONFLICT (source) DO UPDATE SET kind = excluded.kind, read_at = excluded.read_at
WHERE s.read_at <= excluded.read_at;

-- name: listing_source_changed
UPDATE listing_sources SET revision = revision + 1 WHERE source = $1::text;

-- name: listing_sources
SELECT source, kind, read_at, revision FROM listing_sources ORDER BY source;

-- name: listings
SELECT symbol, ticker, currency, status, name, gone_at, disagrees_since FROM listings WHERE source = $1::text
ORDER BY symbol;

-- name: listing_put
-- Another coin under the symbol is not judged by the one before.
INSERT INTO listings AS l (symbol, ticker, currency, status, name, source)
SELECT n.*, $6::text FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
                          n(symbol, ticker, currency, status, name) ORDER BY n.symbol
ON CONFLICT (source, symbol) DO UPDATE
SET ticker = excluded.ticker, currency = excluded.currency, status = excluded.status, name = excluded.name,
    gone_at = NULL, disagrees_since = CASE WHEN l.ticker = excluded.ticker THEN l.disagrees_since END;

-- name: listing_gone
UPDATE listings SET status = 'delisted', gone_at = $3::timestamptz
WHERE symbol = ANY ($1::text[]) AND source = $2::text;

-- name: listings_forget
DELETE FROM listings WHERE source = $1::text AND gone_at < $2::timestamptz;

-- name: listing_disagrees
UPDATE listings SET disagrees_since = $3::timestamptz
WHERE source = $1::text AND symbol = $2::text AND (disagrees_since IS NULL) <> ($3::timestamptz IS NULL);

-- name: judged_until
SELECT until FROM judged WHERE id = 1;

-- name: judged_note
INSERT INTO judged (id, until) VALUES (1, $1::timestamptz)
ON CONFLICT (id) DO UPDATE SET until = excluded.until
WHERE judged.until < excluded.until OR judged.until > $2::timestamptz;

-- name: blind_put
INSERT INTO blind_spans (ticker, started_at, ended_at, reason, state, unknown_us, due_at)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[],
                     $7::timestamptz[])
              b(ticker, started_at, ended_at, reason, state, unknown_us, due_at) ORDER BY ticker, started_at
ON CONFLICT (ticker, started_at) DO UPDATE
SET ended_at = excluded.ended_at, state = excluded.state, unknown_us = excluded.unknown_us, due_at = excluded.due_at
WHERE blind_spans.state = 'open' AND excluded.state <> 'open';

-- name: blind_open
SELECT ticker, started_at, ended_at, reason, state, told_until, unknown_us, fired, tries FROM blind_spans
WHERE ended_at IS NULL ORDER BY ticker, started_at;

-- name: blind_unresolved
SELECT ticker, started_at FROM blind_spans WHERE ended_at IS NULL
UNION ALL SELECT ticker, started_at FROM blind_spans WHERE due_at IS NOT NULL;

-- name: blind_of_ticker
SELECT ticker, started_at, ended_at, reason, state, told_until, unknown_us, fired, tries FROM blind_spans
WHERE ticker = $1::text AND (ended_at IS NULL OR ended_at > $2::timestamptz)
ORDER BY started_at DESC LIMIT $3::bigint;

-- name: blind_all
SELECT ticker, started_at, ended_at, reason, state, told_until, unknown_us, fired, tries FROM blind_spans
WHERE ended_at IS NULL OR ended_at > $1::timestamptz
ORDER BY started_at DESC, ticker DESC LIMIT $2::bigint;

-- name: blind_claim
WITH due AS MATERIALIZED (
    SELECT ticker, started_at FROM blind_spans
    WHERE due_at IS NOT NULL AND (due_at <= $1::timestamptz OR lease_owner = $3::text)
    ORDER BY due_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED)
UPDATE blind_spans b SET due_at = $4::timestamptz, lease_owner = $3::text
FROM due WHERE b.ticker = due.ticker AND b.started_at = due.started_at
RETURNING b.ticker, b.started_at, b.ended_at, b.reason, b.state, b.told_until, b.unknown_us, b.fired, b.tries;

-- name: blind_finish
UPDATE blind_spans
SET state = $4::text, told_until = $5::timestamptz, unknown_us = $6::bigint, fired = $7::int, tries = $8::int,
    due_at = $9::timestamptz, lease_owner = NULL
WHERE ticker = $1::text AND started_at = $2::timestamptz AND lease_owner = $3::text;

-- name: alerts_recoverable
SELECT id, condition, target, created_at FROM alerts
WHERE ticker = $1::text AND is_active AND recover AND rule IS NULL AND created_at < $2::timestamptz;

-- name: alerts_recoverable_ruled
SELECT
-- include: active_columns
FROM alerts a JOIN alert_states s ON s.alert_id = a.id
WHERE a.ticker = $1::text AND a.is_active AND a.recover AND a.rule IS NOT NULL AND s.begun_at < $2::timestamptz
LIMIT $3::bigint;

-- name: blind_prune
DELETE FROM blind_spans WHERE (ticker, started_at) IN (
    SELECT ticker, started_at FROM blind_spans WHERE started_at < $1::timestamptz
    ORDER BY started_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED);

-- name: members_renew
WITH given AS MATERIALIZED (
    SELECT g.*, clock_timestamp() AS at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::timestamptz[],
                $8::text[]) g(role, id, name, version, holds, settled, judged, position)),
own AS (
    INSERT INTO members AS m (role, id, name, version, since, lease_until, holds, settled, judged, position)
    SELECT role, id, name, version, at, at + $9::bigint * interval '1 microsecond', holds, settled, judged, position
    FROM given ORDER BY role COLLATE "C", id COLLATE "C"
    ON CONFLICT (role, id) DO UPDATE
    SET name = excluded.name, version = excluded.version, lease_until = excluded.lease_until, holds = excluded.holds,
        settled = excluded.settled, judged = excluded.judged, position = excluded.position,
        since = CASE WHEN m.lease_until > excluded.since THEN m.since ELSE excluded.since END,
        epoch = m.epoch + CASE WHEN m.lease_until > excluded.since THEN 0 ELSE 1 END
    RETURNING *),
living AS (
    SELECT * FROM own
    UNION ALL
    SELECT m.* FROM members m WHERE m.lease_until > clock_timestamp()
                                AND NOT EXISTS (SELECT 1 FROM given g WHERE g.role = m.role AND g.id = m.id))
SELECT role, id, name, version, holds, settled, judged, position, since,
       (extract(epoch FROM lease_until - clock_timestamp()) * 1000000)::bigint, epoch
FROM living ORDER BY role, id;

-- name: member_end
UPDATE members SET lease_until = clock_timestamp()
WHERE role = $1::text AND id = $2::text AND lease_until > clock_timestamp();

-- name: members_forget
DELETE FROM members WHERE (role, id) IN (
    SELECT role, id FROM members WHERE lease_until < clock_timestamp() - $1::bigint * interval '1 microsecond'
    ORDER BY role, id FOR UPDATE SKIP LOCKED);

-- name: database_time
SELECT clock_timestamp();

-- name: members_all
SELECT role, id, name, version, holds, settled, judged, position, since,
       (extract(epoch FROM lease_until - clock_timestamp()) * 1000000)::bigint, epoch
FROM members WHERE lease_until > clock_timestamp() - $1::bigint * interval '1 microsecond'
ORDER BY role, id;
