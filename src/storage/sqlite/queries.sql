-- name: begin
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: migrations
SELECT version, name, applied_at FROM schema_migrations ORDER BY version;

-- name: migration_applied
INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?);

-- name: ping
-- Reads the file, which SELECT 1 would not.
PRAGMA schema_version;

-- name: probe
-- Whether the database can be written, in a row that nothing else uses.
UPDATE write_probe SET written_at = ?;

-- name: user_insert
INSERT INTO users (id, email, api_key_hash, webhook_secret, is_active, created_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING;

-- name: user_by_key_hash
SELECT id, email, is_active, created_at FROM users WHERE api_key_hash = ? AND deleted_at IS NULL;

-- name: user_by_email
SELECT id, email, is_active, created_at FROM users WHERE email = ? AND deleted_at IS NULL;

-- name: users_all
SELECT id, email, is_active, created_at FROM users WHERE deleted_at IS NULL ORDER BY id;

-- name: user_set_active
UPDATE users SET is_active = ?2 WHERE id = ?1 AND deleted_at IS NULL;

-- name: user_set_key
UPDATE users SET api_key_hash = ?2 WHERE id = ?1 AND deleted_at IS NULL;

-- name: user_lock_alerts
-- Nothing to lock: there is one writer.
SELECT ?1;

-- name: user_delete
UPDATE users SET email = hex(id), api_key_hash = ?2, webhook_secret = '', previous_secret = '',
                 previous_until = NULL, is_active = 0, active_alerts = 0, deleted_at = ?3
WHERE id = ?1 AND deleted_at IS NULL;

-- name: user_active_alerts
SELECT id, ticker, condition, target FROM alerts INDEXED BY alerts_active WHERE user_id = ? AND is_active = 1;

-- name: user_hide_alerts
UPDATE alerts SET is_active = 0, deleted_at = ?2,
                  delivery_id = (SELECT d.id FROM deliveries d WHERE d.id = alerts.delivery_id)
WHERE user_id = ?1 AND deleted_at IS NULL;

-- name: user_forget_states
UPDATE alert_states SET others = '' WHERE user_id = ? AND others <> '';

-- name: user_forget_answers
DELETE FROM idempotency_keys WHERE user_id = ?;

-- name: user_cancel_deliveries
UPDATE deliveries INDEXED BY deliveries_by_user
SET state = 'cancelled', due_at = NULL, lease_owner = NULL, lane = NULL, lane_turn = NULL, finished_at = ?2,
    reason = 'its user was deleted'
WHERE user_id = ?1 AND due_at IS NOT NULL;

-- name: user_forget_pushes
DELETE FROM push_subscriptions WHERE user_id = ?;

-- name: user_forget_breakers
DELETE FROM user_breakers WHERE user_id = ?;

-- name: secrets_get
SELECT webhook_secret, previous_secret, previous_until, id FROM users WHERE id = ? AND deleted_at IS NULL;

-- name: secrets_rotate
UPDATE users SET previous_secret = webhook_secret, previous_until = ?2, webhook_secret = ?3
WHERE id = ?1 AND deleted_at IS NULL;

-- name: secrets_after
SELECT webhook_secret, previous_secret, previous_until, id FROM users WHERE id > ? AND deleted_at IS NULL
ORDER BY id LIMIT ?;

-- name: secrets_replace
UPDATE users SET webhook_secret = ?2, previous_secret = ?3, previous_until = ?4
WHERE id = ?1 AND webhook_secret = ?5 AND previous_secret = ?6 AND previous_until IS ?7 AND deleted_at IS NULL;

-- name: alerts_active_count
SELECT active_alerts, deleted_at IS NOT NULL FROM users WHERE id = ?;

-- name: alert_insert
INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at, format,
                    template_body, template_type, note, deliver_within, trace, recover, message, rule, rule_key,
                    plain_condition, plain_target)
VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING;

-- name: state_put
-- A row's last firing stays what it was.
INSERT INTO alert_states (alert_id, user_id, firings, times, rules, begun_at, not_before, snoozed_until, starts_at,
                          expires_at, notify_on_expiry, ended, triggered_at, triggered_price, late, others,
                          ratios)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (alert_id) DO UPDATE
SET firings = excluded.firings, times = excluded.times, rules = excluded.rules, begun_at = excluded.begun_at,
    not_before = excluded.not_before, snoozed_until = excluded.snoozed_until, starts_at = excluded.starts_at,
    expires_at = excluded.expires_at, notify_on_expiry = excluded.notify_on_expiry, ended = excluded.ended,
    others = excluded.others, ratios = excluded.ratios;

-- name: alert_edit
UPDATE alerts SET ticker = ?2, condition = ?3, target = ?4, webhook_url = ?5, is_active = ?6, format = ?7,
                  template_body = ?8, template_type = ?9, note = ?10, deliver_within = ?11, recover = ?12,
                  message = ?13, rule = ?14, rule_key = ?15, plain_condition = ?16, plain_target = ?17, revision = ?18,
                  changed_at = ?19
WHERE id = ?1;

-- name: alert_changed
UPDATE alerts SET changed_at = ?2 WHERE id = ?1;

-- name: alert_identical
-- Another active alert that says the same.
SELECT 1 FROM alerts
WHERE user_id = ?1 AND ticker = ?2 AND coalesce(plain_condition, condition) = ?3
  AND coalesce(plain_target, target) = ?4 AND webhook_url = ?5 AND rule_key = ?6 AND is_active = 1 AND id <> ?7;

-- name: delivery_adopt
-- An alert in the plain form that has fired gets terms: its delivery carries that firing from now on.
UPDATE deliveries SET kind = 'plain', firing = 1, price = coalesce(price, ?2),
                      price_time = coalesce(price_time, created_at), revision = 1, level = ?3, condition = ?4
WHERE id = (SELECT a.delivery_id FROM alerts a WHERE a.id = ?1);

-- name: pushes_adopt
UPDATE deliveries
SET firing = 1, price = coalesce(price, ?2), price_time = coalesce(price_time, created_at), push_revision = 1, level = ?3,
    condition = ?4
WHERE alert_id = ?1 AND push_id IS NOT NULL AND test_price IS NULL;

-- name: tests_adopt
UPDATE deliveries SET kind = 'ruled_test' WHERE alert_id = ? AND test_price IS NOT NULL AND +due_at IS NOT NULL;

-- name: rule_replaced
INSERT OR IGNORE INTO alert_rules (alert_id, revision, rule, replaced_at)
SELECT ?1, ?2, ?3, ?4
WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = ?1 AND d.revision IS NOT NULL AND d.revision = ?2);

-- name: state_forget
-- That of a deleted alert.
UPDATE alert_states SET others = '' WHERE alert_id = ? AND others <> '';

-- name: answer_take
-- Takes a key that is not used, or was used too long ago.
INSERT INTO idempotency_keys (user_id, key, request, status, answer, size, created_at)
VALUES (?1, ?2, ?3, ?4, '', 0, ?5)
ON CONFLICT (user_id, key) DO UPDATE
SET request = excluded.request, status = excluded.status, answer = '', size = 0, created_at = excluded.created_at
WHERE created_at <= ?6;

-- name: answer_keep
UPDATE idempotency_keys SET answer = ?3, size = length(CAST(?3 AS BLOB)) WHERE user_id = ?1 AND key = ?2;

-- name: answer_drop
DELETE FROM idempotency_keys WHERE user_id = ? AND key = ?;

-- name: answers_bound
-- The version before has no word for an answer that is not kept, and repeats it as a conflict.
UPDATE idempotency_keys SET answer = '', size = 0, status = 409 WHERE user_id = ?1 AND size > 0 AND (created_at, key) <= (
    SELECT created_at, key FROM (SELECT created_at, key, row_number() OVER newest AS place, sum(size) OVER newest AS bytes
                                 FROM idempotency_keys WHERE user_id = ?1
                                 WINDOW newest AS (ORDER BY created_at DESC, key DESC ROWS UNBOUNDED PRECEDING))
    WHERE place > 1 AND bytes > ?2 ORDER BY place LIMIT 1);

-- name: answers_size
SELECT coalesce(sum(size), 0) FROM idempotency_keys WHERE user_id = ?;

-- name: answers_oldest_kept
SELECT created_at FROM idempotency_keys WHERE user_id = ?1 AND created_at > ?2
ORDER BY created_at DESC LIMIT 1 OFFSET ?3;

-- name: answer_get
SELECT request, status, answer FROM idempotency_keys WHERE user_id = ? AND key = ? AND created_at > ?;

-- name: alert_remove
DELETE FROM alerts WHERE id = ?;

-- name: alert_get
SELECT
-- include: alert_whole
WHERE a.id = ? AND a.user_id = ? AND a.deleted_at IS NULL;

-- name: alert_list
SELECT
-- include: alert_whole
WHERE a.user_id = ?1 AND a.id < ?2 AND a.deleted_at IS NULL
  AND (?3 IS NULL OR a.is_active = ?3) AND (?4 IS NULL OR a.ticker = ?4)
ORDER BY a.id DESC LIMIT ?5;

-- name: alert_list_of_status
SELECT
-- include: alert_whole
WHERE a.user_id = ?1 AND a.id < ?2 AND a.deleted_at IS NULL
  AND (?3 IS NULL OR a.is_active = ?3) AND (?4 IS NULL OR a.ticker = ?4)
  AND ?6 = CASE WHEN a.is_active = 0 THEN coalesce(s.ended, 'fired') WHEN s.starts_at > ?7 THEN 'scheduled'
                WHEN s.snoozed_until > ?7 THEN 'snoozed' ELSE 'active' END
ORDER BY a.id DESC LIMIT ?5;

-- name: alert_list_changed
SELECT
-- include: alert_whole
WHERE a.user_id = ?1 AND a.changed_at >= ?2 AND a.deleted_at IS NULL
ORDER BY a.changed_at DESC LIMIT ?3;

-- name: alerts_deleted
SELECT id FROM alerts WHERE user_id = ?1 AND changed_at >= ?2 AND deleted_at IS NOT NULL
ORDER BY changed_at DESC LIMIT ?3;

-- name: alert_lock
SELECT id, ticker, condition, target, is_active FROM alerts WHERE id = ? AND user_id = ? AND deleted_at IS NULL;

-- name: alerts_lock_of
-- Of a ticker, after an id.
SELECT id, ticker, condition, target, is_active FROM alerts INDEXED BY alerts_by_user
WHERE user_id = ?1 AND id > ?2 AND ticker = ?3 AND deleted_at IS NULL ORDER BY id LIMIT ?4;

-- name: alerts_count_of
SELECT count(*) FROM alerts INDEXED BY alerts_by_user WHERE user_id = ? AND ticker = ? AND deleted_at IS NULL;

-- name: alert_delete
UPDATE alerts SET is_active = 0, changed_at = ?2, deleted_at = ?2,
                  delivery_id = (SELECT d.id FROM deliveries d WHERE d.id = alerts.delivery_id)
WHERE id = ?1;

-- name: alerts_load_active
-- Nearly all are active: the index would be an additional lookup for each. So would be that of a state where there is
-- none.
SELECT
-- include: active_columns
FROM alerts a LEFT JOIN alert_states s ON s.alert_id = iif(a.rule IS NULL, NULL, a.id)
WHERE +a.is_active = 1;

-- name: alerts_load_of
SELECT
-- include: active_columns
FROM alerts a LEFT JOIN alert_states s ON s.alert_id = iif(a.rule IS NULL, NULL, a.id)
WHERE a.is_active = 1 AND a.ticker = ?1;

-- name: alert_active
SELECT
-- include: active_columns
FROM alerts a LEFT JOIN alert_states s ON s.alert_id = a.id
WHERE a.id = ? AND a.is_active = 1;

-- name: alert_part
SELECT id, ticker, condition, target FROM alerts WHERE id = ?;

-- name: firings_of_rules
SELECT
-- include: view_columns
FROM alerts a CROSS JOIN deliveries d ON d.alert_id = a.id LEFT JOIN prices_fired g ON g.id = d.price_fired
WHERE a.id = ?1 AND a.user_id = ?2 AND a.deleted_at IS NULL AND d.revision IS NOT NULL AND d.firing < ?3
ORDER BY d.firing DESC LIMIT ?4;

-- name: firing_of_plain
SELECT
-- include: view_columns
FROM alerts a CROSS JOIN deliveries d ON d.id = a.delivery_id LEFT JOIN prices_fired g ON g.id = d.price_fired
WHERE a.id = ?1 AND a.user_id = ?2 AND a.deleted_at IS NULL AND a.rule IS NULL;

-- name: firing_user
-- Of an active alert in the plain form, and whether they may have devices.
SELECT a.user_id, EXISTS (SELECT 1 FROM push_subscriptions p WHERE p.user_id = a.user_id)
FROM alerts a WHERE a.id = ? AND +a.is_active = 1 AND a.rule IS NULL;

-- name: firing_delivery
INSERT INTO deliveries (id, alert_id, user_id, state, due_at, lease_owner, created_at, deadline, late, firing, price,
                        price_time, price_fired)
SELECT ?6, a.id, a.user_id, ?8, ?9, ?10, ?1, ?1 + a.deliver_within, ?2, 1, ?3, ?4, ?5
FROM alerts a WHERE a.id = ?7;

-- name: firing_alert
UPDATE alerts SET is_active = 0, triggered_at = ?, triggered_price = ?, late = ?, delivery_id = ? WHERE id = ?;

-- name: firing_add
INSERT OR IGNORE INTO temp.firing (alert_id, delivery_id) VALUES (?, ?);

-- name: firing_deliveries
INSERT INTO deliveries (id, alert_id, user_id, state, due_at, created_at, deadline, late, firing, price, price_time,
                        price_fired)
SELECT f.delivery_id, f.alert_id, a.user_id, 'pending', ?1, ?1, ?1 + a.deliver_within, ?2, 1, ?3, ?4, ?5
FROM temp.firing f CROSS JOIN alerts a ON a.id = f.alert_id
WHERE +a.is_active = 1 AND a.rule IS NULL
RETURNING id, user_id;

-- name: firing_alerts
UPDATE alerts SET is_active = 0, triggered_at = ?, triggered_price = ?, late = ?,
                  delivery_id = (SELECT f.delivery_id FROM temp.firing f WHERE f.alert_id = alerts.id)
WHERE id IN (SELECT alert_id FROM temp.firing) AND +is_active = 1 AND rule IS NULL;

-- name: devices
SELECT id FROM push_subscriptions WHERE user_id = ?;

-- name: push_delivery
-- Beside a delivery that the transaction has written, one for a device.
INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, late, firing, price, price_time,
                        price_fired, level, condition, evidence, push_id, push_revision)
SELECT ?1, alert_id, user_id, CASE kind WHEN 'alert' THEN 'push' WHEN 'ruled' THEN 'ruled_push' ELSE 'expired_push' END,
       'pending', created_at, created_at, deadline, late, firing, price, price_time, price_fired, level, condition, evidence,
       ?2, revision
FROM deliveries WHERE id = ?3;

-- name: price_fired
INSERT INTO prices_fired (id, board, board_at) VALUES (?, ?, ?);

-- name: ruled_firable
-- Of the alert's k-th firing, if it is that (see Outbox::fire()): its user and ticker, whether it is the last one, whether
-- it is the first with a delivery, and whether the user may have devices.
SELECT a.user_id, a.ticker, ifnull(s.times <= ?3, 0), a.delivery_id IS NULL,
       EXISTS (SELECT 1 FROM push_subscriptions p WHERE p.user_id = a.user_id)
FROM alert_states s CROSS JOIN alerts a ON a.id = s.alert_id
WHERE s.alert_id = ?1 AND a.is_active = 1 AND a.revision = ?2 AND a.rule IS NOT NULL
  AND s.firings = ?3 - 1 AND s.begun_at <= ?4 AND (s.not_before IS NULL OR s.not_before <= ?4)
  AND (s.snoozed_until IS NULL OR s.snoozed_until <= ?4) AND (s.expires_at IS NULL OR s.expires_at > ?4);

-- name: ruled_state
UPDATE alert_states
SET firings = ?2, not_before = ?3, rules = ?4, triggered_at = ?5, triggered_price = ?6, late = ?7,
    ended = iif(?8, 'fired', NULL), others = iif(?8, '', others)
WHERE alert_id = ?1;

-- name: ruled_delivery
INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, lease_owner, created_at, deadline, late, firing, price,
                        price_time, price_fired, revision, level, condition, evidence)
SELECT ?1, a.id, a.user_id, ?3, ?13, ?14, ?15, ?16, ?4 + a.deliver_within, ?5, ?6, ?7, ?8, ?9, a.revision, ?10, ?11, ?12
FROM alerts a WHERE a.id = ?2;

-- name: ruled_alert
-- Its first delivery keeps an alert from being pruned; see alerts_gone.
UPDATE alerts SET is_active = min(is_active, ?2), delivery_id = coalesce(delivery_id, ?3)
WHERE id = ?1 AND (?2 = 0 OR delivery_id IS NULL);

-- name: ruled_note_lock
SELECT s.rules, s.begun_at FROM alert_states s CROSS JOIN alerts a ON a.id = s.alert_id
WHERE s.alert_id = ? AND a.revision = ? AND s.firings = ? AND a.is_active = 1 AND a.rule IS NOT NULL;

-- name: ruled_note
UPDATE alert_states SET rules = ?2 WHERE alert_id = ?1;

-- name: ruled_expiry
UPDATE alert_states SET ended = 'expired', others = ''
WHERE alert_id = ?1 AND expires_at <= ?3
  AND EXISTS (SELECT 1 FROM alerts a WHERE a.id = ?1 AND a.is_active = 1 AND a.revision = ?2 AND a.rule IS NOT NULL)
RETURNING user_id, notify_on_expiry;

-- name: user_count
UPDATE users SET active_alerts = active_alerts + ?2 WHERE id = ?1;

-- name: firing_clear
DELETE FROM temp.firing;

-- name: claimable
SELECT d.id, d.attempts, d.round_start, d.kind, d.created_at, d.deadline, d.test_price,
       u.webhook_secret, u.previous_secret, u.previous_until,
-- include: firing_columns
       ,
-- include: alert_columns
       a.triggered_at, a.triggered_price,
-- include: alert_rest
       , d.late, a.message,
-- include: push_columns
FROM deliveries d CROSS JOIN alerts a ON a.id = d.alert_id CROSS JOIN users u ON u.id = a.user_id
     LEFT JOIN disabled_endpoints e ON e.user_id = a.user_id AND e.webhook_url = a.webhook_url
     LEFT JOIN push_subscriptions p ON p.id = d.push_id
WHERE d.id = ? AND d.due_at <= ?;

-- name: claim
UPDATE deliveries SET state = 'delivering', due_at = ?, lease_owner = ?, lane = NULL, lane_turn = NULL WHERE id = ?;

-- name: due
SELECT id, user_id FROM deliveries WHERE due_at <= ? ORDER BY due_at;

-- name: in_lane
SELECT id FROM deliveries WHERE lane = ? ORDER BY lane_turn LIMIT ?;

-- name: lanes
-- One step in the index for each.
WITH RECURSIVE l(lane) AS (
    SELECT min(lane) FROM deliveries WHERE lane > ?2
    UNION ALL
    SELECT (SELECT min(d.lane) FROM deliveries d WHERE d.lane > l.lane) FROM l WHERE l.lane IS NOT NULL)
SELECT lane FROM l WHERE lane IS NOT NULL LIMIT ?1;

-- name: next_due
SELECT due_at, user_id FROM deliveries WHERE due_at IS NOT NULL ORDER BY due_at;

-- name: backlog
SELECT (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2)),
       (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE due_at IS NOT NULL ORDER BY due_at LIMIT ?2)),
       (SELECT min(due_at) FROM deliveries WHERE due_at <= ?1);

-- name: release
UPDATE deliveries SET state = 'pending', due_at = created_at, lease_owner = NULL WHERE lease_owner = ?;

-- name: release_claim
UPDATE deliveries SET state = 'pending', due_at = created_at, lease_owner = NULL
WHERE alert_id = ? AND lease_owner = ? AND due_at = ?
RETURNING id, user_id, push_id IS NOT NULL;

-- name: release_lease
UPDATE deliveries SET state = 'pending', due_at = created_at, lease_owner = NULL WHERE lease_owner = ? AND due_at = ?;

-- name: sender_alive
INSERT OR REPLACE INTO senders (owner, alive_until) VALUES (?, ?);

-- name: sender_forget
DELETE FROM senders WHERE owner = ?;

-- name: senders_dead
DELETE FROM senders WHERE alive_until <= ? RETURNING owner;

-- name: defer
UPDATE deliveries
SET state = 'pending', due_at = ?3, lease_owner = NULL, lane = nullif(?4, ''),
    lane_turn = CASE WHEN ?4 <> '' THEN (SELECT coalesce(max(o.lane_turn), 0) + 1 FROM deliveries o WHERE o.lane = ?4) END
WHERE id = ?1 AND attempts = ?2 - 1 AND state = 'delivering';

-- name: record_delivery
UPDATE deliveries SET state = ?, attempts = attempts + ?, due_at = ?, finished_at = ?, reason = ?, lease_owner = NULL,
                      lane = NULL, lane_turn = NULL
WHERE id = ? AND attempts = ? AND due_at IS NOT NULL;

-- name: record_cancelled
UPDATE deliveries SET attempts = attempts + 1 WHERE id = ? AND attempts = ? AND state = 'cancelled';

-- name: record_arrived
UPDATE deliveries SET state = 'delivered', finished_at = ?, reason = ? WHERE id = ?;

-- name: record_attempt
INSERT INTO attempts (delivery_id, number, started_at, duration_us, status, error, remote_ip, request_headers, answer,
                      dns_us, connect_us, tls_us, first_byte_us, request_body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: endpoint_seen_put
INSERT INTO endpoints_seen (user_id, webhook_url, success_at, failure_at, failure, failure_status, last_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (user_id, webhook_url) DO UPDATE
SET success_at = coalesce(excluded.success_at, success_at),
    failure = iif(excluded.failure_at IS NULL, failure, excluded.failure),
    failure_status = iif(excluded.failure_at IS NULL, failure_status, excluded.failure_status),
    failure_at = coalesce(excluded.failure_at, failure_at), last_at = excluded.last_at;

-- name: endpoint_calls_add
INSERT INTO endpoint_calls (user_id, webhook_url, hour, succeeded, place, calls) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (user_id, webhook_url, hour, succeeded, place) DO UPDATE SET calls = calls + excluded.calls;

-- name: endpoints_seen
SELECT webhook_url, success_at, failure_at, failure, failure_status FROM endpoints_seen
WHERE user_id = ?1 AND webhook_url >= ?2 AND webhook_url <= ?3 ORDER BY webhook_url LIMIT 20000;

-- name: endpoint_calls
SELECT webhook_url, succeeded, place, calls FROM endpoint_calls
WHERE user_id = ?1 AND webhook_url >= ?2 AND webhook_url <= ?3 AND hour >= ?4
ORDER BY webhook_url LIMIT 100000;

-- name: prune_endpoints_seen
DELETE FROM endpoints_seen WHERE (user_id, webhook_url) IN (
    SELECT user_id, webhook_url FROM endpoints_seen WHERE last_at < ? ORDER BY last_at LIMIT ?);

-- name: prune_endpoint_calls
DELETE FROM endpoint_calls WHERE (user_id, webhook_url, hour, succeeded, place) IN (
    SELECT user_id, webhook_url, hour, succeeded, place FROM endpoint_calls WHERE hour < ? ORDER BY hour LIMIT ?);

-- name: drop_attempts
DELETE FROM attempts WHERE delivery_id = ? AND number <= ?;

-- name: refusals_lock
-- Nothing to lock: there is one writer.
DELETE FROM endpoint_refusals WHERE ?1 IS NULL AND ?2 IS NULL;

-- name: refusals_any
SELECT EXISTS (SELECT 1 FROM endpoint_refusals);

-- name: refusals_forget
DELETE FROM endpoint_refusals WHERE user_id = ? AND webhook_url = ?;

-- name: refusals_add
INSERT INTO endpoint_refusals (user_id, webhook_url, refusals, status, last_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (user_id, webhook_url) DO UPDATE
SET refusals = refusals + excluded.refusals, status = iif(status = excluded.status, status, 0),
    last_at = excluded.last_at;

-- name: refusals_many
SELECT user_id, webhook_url, last_at, status FROM endpoint_refusals WHERE refusals >= 50;

-- name: refusals_disable
INSERT OR REPLACE INTO disabled_endpoints (user_id, webhook_url, disabled_at, reason) VALUES (?, ?, ?, ?);

-- name: prune_refusals
DELETE FROM endpoint_refusals WHERE (user_id, webhook_url) IN (
    SELECT user_id, webhook_url FROM endpoint_refusals WHERE last_at < ? ORDER BY last_at LIMIT ?);

-- name: disable_endpoint
INSERT OR REPLACE INTO disabled_endpoints (user_id, webhook_url, disabled_at, reason)
SELECT d.user_id, a.webhook_url, ?, ? FROM deliveries d CROSS JOIN alerts a ON a.id = d.alert_id WHERE d.id = ?;

-- name: delivery_get
SELECT
-- include: delivery_columns
FROM deliveries d CROSS JOIN alerts a ON a.id = d.alert_id
     LEFT JOIN attempts t ON t.delivery_id = d.id AND t.number = d.attempts
     LEFT JOIN prices_fired g ON g.id = CASE WHEN d.revision IS NOT NULL THEN d.price_fired END
     LEFT JOIN push_subscriptions p ON p.id = d.push_id
WHERE d.id = ? AND d.user_id = ?;

-- name: delivery_filter
-- What is left of a DeliveryFilter: no index finds it.
  AND (?8 IS NULL OR (a.webhook_url = ?8 AND d.push_id IS NULL))
  AND (?9 IS NULL OR ?9 = CASE WHEN d.push_id IS NOT NULL THEN 'push' WHEN d.test_price IS NOT NULL THEN 'test' WHEN d.kind = 'expired' THEN 'expired'
                               ELSE 'alert' END)
  AND (?10 IS NULL OR (d.attempts > 0 AND ?10 = coalesce(t.status / 100, 0)))

-- name: delivery_list
SELECT
-- include: delivery_columns
FROM deliveries d INDEXED BY deliveries_by_user CROSS JOIN alerts a ON a.id = d.alert_id
     LEFT JOIN attempts t ON t.delivery_id = d.id AND t.number = d.attempts
     LEFT JOIN prices_fired g ON g.id = CASE WHEN d.revision IS NOT NULL THEN d.price_fired END
     LEFT JOIN push_subscriptions p ON p.id = d.push_id
WHERE d.user_id = ?1 AND d.id >= ?2 AND d.id < ?3 AND d.created_at >= ?4 AND d.created_at < ?5
  AND (?6 IS NULL OR d.state = ?6)
-- include: delivery_filter
ORDER BY d.id DESC LIMIT ?7;

-- name: delivery_horizon
SELECT id FROM deliveries INDEXED BY deliveries_by_user WHERE user_id = ?1 AND id >= ?2 AND id < ?3
ORDER BY id DESC LIMIT 1 OFFSET ?4;

-- name: delivery_list_missed
SELECT
-- include: delivery_columns
FROM deliveries d INDEXED BY deliveries_missed CROSS JOIN alerts a ON a.id = d.alert_id
     LEFT JOIN attempts t ON t.delivery_id = d.id AND t.number = d.attempts
     LEFT JOIN prices_fired g ON g.id = CASE WHEN d.revision IS NOT NULL THEN d.price_fired END
     LEFT JOIN push_subscriptions p ON p.id = d.push_id
WHERE d.user_id = ?1 AND d.id >= ?2 AND d.id < ?3 AND d.created_at >= ?4 AND d.created_at < ?5
  AND d.finished_at IS NOT NULL AND d.state <> 'delivered' AND d.state = ?6
-- include: delivery_filter
ORDER BY d.id DESC LIMIT ?7;

-- name: delivery_list_of_alert
SELECT
-- include: delivery_columns
FROM deliveries d CROSS JOIN alerts a ON a.id = d.alert_id
     LEFT JOIN attempts t ON t.delivery_id = d.id AND t.number = d.attempts
     LEFT JOIN prices_fired g ON g.id = CASE WHEN d.revision IS NOT NULL THEN d.price_fired END
     LEFT JOIN push_subscriptions p ON p.id = d.push_id
WHERE d.id IN (SELECT f.delivery_id FROM alerts f WHERE f.id = ?11
               UNION ALL SELECT o.id FROM deliveries o WHERE o.alert_id = ?11 AND o.test_price IS NOT NULL
               UNION ALL SELECT r.id FROM deliveries r
                         WHERE r.alert_id = ?11 AND r.revision IS NOT NULL AND r.id >= ?2 AND r.id < ?3
               UNION ALL SELECT r.id FROM deliveries r
                         WHERE r.alert_id = ?11 AND r.push_id IS NOT NULL AND r.id >= ?2
                           AND r.id < ?3)
  AND +d.user_id = ?1 AND +d.id >= ?2 AND +d.id < ?3 AND d.created_at >= ?4 AND d.created_at < ?5
  AND (?6 IS NULL OR d.state = ?6)
-- include: delivery_filter
ORDER BY d.id DESC LIMIT ?7;

-- name: attempts_of
SELECT number, started_at, duration_us, status, error, remote_ip, request_headers, answer, dns_us, connect_us, tls_us,
       first_byte_us
FROM attempts WHERE delivery_id = ? ORDER BY number DESC LIMIT ?;

-- name: last_request
SELECT number, request_body FROM attempts WHERE delivery_id = ? AND request_body IS NOT NULL
ORDER BY number DESC LIMIT 1;

-- name: delivery_lock
SELECT d.state, d.attempts, d.retries,
       EXISTS (SELECT 1 FROM alerts a CROSS JOIN disabled_endpoints e
                    ON e.user_id = a.user_id AND e.webhook_url = a.webhook_url
               WHERE a.id = d.alert_id AND d.push_id IS NULL),
       d.push_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM push_subscriptions p WHERE p.id = d.push_id)
FROM deliveries d CROSS JOIN users u ON u.id = d.user_id
WHERE d.id = ? AND d.user_id = ? AND u.deleted_at IS NULL;

-- name: delivery_restart
-- One that has ended gets one attempt: beyond any policy's number, so that it is the last (ClaimedDelivery::round).
UPDATE deliveries
SET state = 'pending', due_at = ?2, lease_owner = NULL, lane = NULL, lane_turn = NULL,
    round_start = iif(finished_at IS NULL, round_start, attempts - 1000000),
    retries = retries + (finished_at IS NOT NULL),
    deadline = ?2 + (SELECT a.deliver_within FROM alerts a WHERE a.id = deliveries.alert_id), finished_at = NULL,
    reason = ''
WHERE id = ?1;

-- name: delivery_cancel
UPDATE deliveries SET state = 'cancelled', due_at = NULL, lease_owner = NULL, lane = NULL, lane_turn = NULL,
                      finished_at = ?2, reason = 'cancelled by its user'
WHERE id = ?1;

-- name: deliveries_lock_failed
SELECT d.id, d.attempts, d.retries,
       EXISTS (SELECT 1 FROM alerts a CROSS JOIN disabled_endpoints e
                    ON e.user_id = a.user_id AND e.webhook_url = a.webhook_url
               WHERE a.id = d.alert_id),
       (SELECT a.webhook_url FROM alerts a WHERE a.id = d.alert_id)
FROM users u CROSS JOIN deliveries d INDEXED BY deliveries_missed ON d.user_id = u.id
WHERE u.id = ?1 AND u.deleted_at IS NULL AND d.user_id = ?1 AND d.id >= ?2 AND d.id < ?5 AND d.created_at >= ?3
  AND d.created_at < ?6 AND d.finished_at IS NOT NULL AND d.state <> 'delivered' AND instr(?7, d.state || ' ') > 0
  AND d.push_id IS NULL
ORDER BY d.id LIMIT ?4;

-- name: test_insert
INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, test_price)
SELECT ?1, a.id, a.user_id, iif(a.rule IS NULL, 'test', 'ruled_test'), 'pending', ?2, ?2, ?2 + a.deliver_within, ?3
FROM alerts a WHERE a.id = ?4 AND a.deleted_at IS NULL;

-- name: carrier_put
-- An alert that is deleted from the beginning.
INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at, format, template_body,
                    template_type, note, deliver_within, message, deleted_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?7
FROM users u WHERE u.id = ?2 AND u.deleted_at IS NULL
ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at;

-- name: carried_test_insert
INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, test_price)
SELECT ?1, a.id, a.user_id, 'test', 'pending', ?2, ?2, ?2 + a.deliver_within, ?3 FROM alerts a WHERE a.id = ?4;

-- name: push_test_insert
INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, created_at, deadline, test_price, push_id)
SELECT ?1, a.id, a.user_id, 'test_push', 'pending', ?2, ?2, ?2 + a.deliver_within, ?3, a.id FROM alerts a WHERE a.id = ?4;

-- name: pushes_of
SELECT
-- include: subscription_columns
FROM push_subscriptions WHERE user_id = ? ORDER BY id;

-- name: push_get
SELECT
-- include: subscription_columns
FROM push_subscriptions WHERE id = ? AND user_id = ?;

-- name: push_of_endpoint
SELECT
-- include: subscription_columns
FROM push_subscriptions WHERE endpoint = ?;

-- name: push_lock
SELECT 1 FROM push_subscriptions WHERE id = ? AND user_id = ?;

-- name: pushes_count
SELECT count(*) FROM push_subscriptions WHERE user_id = ?;

-- name: push_put
INSERT INTO push_subscriptions (id, user_id, endpoint, keys, label, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (endpoint) DO UPDATE SET keys = excluded.keys, label = excluded.label;

-- name: push_remove
DELETE FROM push_subscriptions WHERE id = ?;

-- name: push_end
UPDATE deliveries SET state = ?2, due_at = NULL, lease_owner = NULL, lane = NULL, lane_turn = NULL, finished_at = ?3,
                      reason = ?4
WHERE push_id = ?1 AND push_id IS NOT NULL AND due_at IS NOT NULL;

-- name: push_seen
UPDATE push_subscriptions
SET success_at = coalesce(?2, success_at), failure_at = coalesce(?3, failure_at),
    failure = iif(?3 IS NULL, failure, ?4)
WHERE id = ?1;

-- name: pushes_after
SELECT
-- include: subscription_columns
FROM push_subscriptions WHERE id > ? ORDER BY id LIMIT ?;

-- name: push_keys_replace
UPDATE push_subscriptions SET keys = ?3 WHERE id = ?1 AND keys = ?2;

-- name: server_key
SELECT sealed FROM server_keys WHERE name = ?;

-- name: server_key_put
INSERT INTO server_keys (name, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: server_keys
SELECT name FROM server_keys ORDER BY name;

-- name: server_key_replace
UPDATE server_keys SET sealed = ?3 WHERE name = ?1 AND sealed = ?2;

-- name: tests_unfinished
SELECT count(*) FROM deliveries WHERE alert_id = ? AND test_price IS NOT NULL AND +due_at IS NOT NULL;

-- name: tests_old
SELECT id FROM deliveries WHERE alert_id = ? AND test_price IS NOT NULL AND +due_at IS NULL
ORDER BY id DESC LIMIT 100 OFFSET ?;

-- name: endpoint_disabled
SELECT 1 FROM disabled_endpoints WHERE user_id = ? AND webhook_url = ?;

-- name: endpoints
-- Of the latest alerts, so that the work is bounded: a user may have any number that have fired.
SELECT webhook_url, disabled_at, reason FROM (
    SELECT 0 AS part, webhook_url, disabled_at, reason FROM (
        SELECT e.webhook_url, e.disabled_at, e.reason FROM disabled_endpoints e
        WHERE e.user_id = ?1 AND NOT ?3 AND e.webhook_url > ?4 ORDER BY e.webhook_url LIMIT ?2)
    UNION ALL
    SELECT 1, webhook_url, NULL, '' FROM (
        SELECT DISTINCT u.webhook_url
        FROM (SELECT a.webhook_url, a.deleted_at FROM alerts a WHERE a.user_id = ?1 ORDER BY a.id DESC LIMIT 20000) u
        WHERE u.deleted_at IS NULL AND (NOT ?3 OR u.webhook_url > ?4)
          AND NOT EXISTS (SELECT 1 FROM disabled_endpoints e
                          WHERE e.user_id = ?1 AND e.webhook_url = u.webhook_url)
        ORDER BY u.webhook_url LIMIT ?2))
ORDER BY part, webhook_url LIMIT ?2;

-- name: endpoint_get
-- As above.
SELECT e.webhook_url, e.disabled_at, e.reason FROM disabled_endpoints e WHERE e.user_id = ?1 AND e.webhook_url = ?2
UNION ALL
SELECT ?2, NULL, '' WHERE EXISTS (
    SELECT 1 FROM (SELECT a.webhook_url, a.deleted_at FROM alerts a WHERE a.user_id = ?1 ORDER BY a.id DESC LIMIT 20000) u
    WHERE u.webhook_url = ?2 AND u.deleted_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM disabled_endpoints e WHERE e.user_id = ?1 AND e.webhook_url = ?2);

-- name: endpoint_enable
DELETE FROM disabled_endpoints WHERE user_id = ? AND webhook_url = ?;

-- name: breaker_put
INSERT OR REPLACE INTO user_breakers (user_id, endpoint, state, failures, retry_at, reason, changed_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM users WHERE id = ?1 AND deleted_at IS NULL;

-- name: breaker_remove
DELETE FROM user_breakers WHERE user_id = ? AND endpoint = ?;

-- name: breakers_all
SELECT user_id, endpoint, state, failures, retry_at, reason, changed_at FROM user_breakers
ORDER BY user_id, endpoint;

-- name: breakers_of
SELECT user_id, endpoint, state, failures, retry_at, reason, changed_at FROM user_breakers WHERE user_id = ?
ORDER BY endpoint;

-- name: prunable_deliveries
SELECT id, alert_id FROM deliveries WHERE id < ? AND created_at < ? AND +due_at IS NULL ORDER BY id LIMIT ?;

-- name: prune_delivery
DELETE FROM deliveries WHERE id = ?;

-- name: prune_attempts
DELETE FROM attempts WHERE delivery_id = ?;

-- name: prune_link
UPDATE alerts SET delivery_id = NULL WHERE id = ? AND delivery_id = ? AND deleted_at IS NOT NULL;

-- name: prune_alerts
DELETE FROM alerts WHERE id IN (
    SELECT a.id FROM alerts a INDEXED BY alerts_gone_since
    WHERE a.deleted_at < ? AND a.delivery_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = a.id AND d.test_price IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = a.id AND d.revision IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = a.id AND d.push_id IS NOT NULL)
    ORDER BY a.deleted_at LIMIT ?);

-- name: prune_boards
DELETE FROM prices_fired WHERE id IN (SELECT id FROM prices_fired WHERE id < ? ORDER BY id LIMIT ?);

-- name: prune_rules
DELETE FROM alert_rules WHERE (alert_id, revision) IN (
    SELECT r.alert_id, r.revision FROM alert_rules r
    WHERE r.replaced_at < ?
      AND NOT EXISTS (SELECT 1 FROM deliveries d
                      WHERE d.alert_id = r.alert_id AND d.revision IS NOT NULL AND d.revision = r.revision)
      AND NOT EXISTS (SELECT 1 FROM deliveries d
                      WHERE d.alert_id = r.alert_id AND d.push_id IS NOT NULL AND d.push_revision = r.revision)
    ORDER BY r.replaced_at LIMIT ?);

-- name: prune_answers
DELETE FROM idempotency_keys WHERE (user_id, key) IN (
    SELECT user_id, key FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?);

-- name: prune_endpoints
DELETE FROM disabled_endpoints WHERE (user_id, webhook_url) IN (
    SELECT e.user_id, e.webhook_url
    FROM users u INDEXED BY users_gone CROSS JOIN disabled_endpoints e ON e.user_id = u.id
    WHERE u.deleted_at IS NOT NULL LIMIT ?);

-- name: prune_users
DELETE FROM users WHERE id IN (
    SELECT u.id FROM users u INDEXED BY users_gone
    WHERE u.deleted_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.user_id = u.id)
      AND NOT EXISTS (SELECT 1 FROM disabled_endpoints e WHERE e.user_id = u.id)
    LIMIT ?);

-- name: bar_get
SELECT start, open, high, low, close, volume, origin FROM bars WHERE ticker = ? AND start = ?;

-- name: bar_set
INSERT OR REPLACE INTO bars (ticker, start, open, high, low, close, volume, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: bars
SELECT start, open, high, low, close, volume, origin FROM bars
WHERE ticker = ? AND start >= ? AND start < ? ORDER BY start DESC LIMIT ?;

-- name: hour_bars
SELECT start, open, high, low, close, volume, origin FROM hour_bars
WHERE ticker = ? AND start >= ? AND start < ? ORDER BY start DESC LIMIT ?;

-- name: hour_bar_get
SELECT start, open, high, low, close, volume, origin, first_minute, last_minute FROM hour_bars
WHERE ticker = ? AND start = ?;

-- name: hour_bar_set
INSERT OR REPLACE INTO hour_bars (ticker, start, open, high, low, close, volume, origin, first_minute, last_minute)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: day_bars
SELECT start, open, high, low, close, volume, 1 FROM day_bars
WHERE ticker = ? AND start >= ? AND start < ? ORDER BY start DESC LIMIT ?;

-- name: day_bar_set
INSERT OR REPLACE INTO day_bars (ticker, start, open, high, low, close, volume) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: bars_prune
DELETE FROM bars WHERE (ticker, start) IN (SELECT ticker, start FROM bars WHERE start < ? LIMIT ?);

-- name: hour_bars_prune
DELETE FROM hour_bars WHERE (ticker, start) IN (SELECT ticker, start FROM hour_bars WHERE start <= ? LIMIT ?);

-- name: day_bars_prune
DELETE FROM day_bars WHERE (ticker, start) IN (SELECT ticker, start FROM day_bars WHERE start <= ? LIMIT ?);

-- name: fill_claim
INSERT INTO fills (ticker, owner, next_at, lease) VALUES (?1, ?2, 0, ?4)
ON CONFLICT (ticker) DO UPDATE SET owner = ?2, lease = ?4
WHERE (next_at <= ?3 OR coalesce(filled_until, 0) < ?5) AND (owner IS NULL OR owner = ?2 OR lease < ?3);

-- name: fill_finish
UPDATE fills SET filled_until = coalesce(?3, filled_until), next_at = ?4, owner = NULL WHERE ticker = ?1 AND owner = ?2;

-- name: fill_get
SELECT filled_until, next_at FROM fills WHERE ticker = ?;

-- name: needs_forget
DELETE FROM ticker_needs WHERE until < ?1 OR until > ?2;

-- name: need
INSERT INTO ticker_needs (ticker, until) VALUES (?, ?)
ON CONFLICT (ticker) DO UPDATE SET until = max(until, excluded.until);

-- name: needed_tickers
WITH RECURSIVE t(ticker) AS (
    SELECT min(ticker) FROM alerts INDEXED BY alerts_by_ticker WHERE is_active = 1
    UNION ALL
    SELECT (SELECT min(a.ticker) FROM alerts a INDEXED BY alerts_by_ticker WHERE a.is_active = 1 AND a.ticker > t.ticker)
    FROM t WHERE t.ticker IS NOT NULL)
SELECT ticker, 1 FROM t WHERE ticker IS NOT NULL
UNION ALL
SELECT ticker, 0 FROM ticker_needs WHERE until > ?1;

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
    SELECT min(others) FROM alert_states WHERE others <> '' AND user_id = ?1
    UNION ALL
    SELECT (SELECT min(s.others) FROM alert_states s WHERE s.others <> '' AND s.user_id = ?1 AND s.others > t.others)
    FROM t WHERE t.others IS NOT NULL)
SELECT others FROM t WHERE others IS NOT NULL;

-- name: ratios_of
WITH RECURSIVE t(ratios) AS (
    SELECT min(ratios) FROM alert_states WHERE others <> '' AND user_id = ?1 AND ratios > '' AND alert_id <> ?2
    UNION ALL
    SELECT (SELECT min(s.ratios) FROM alert_states s
            WHERE s.others <> '' AND s.ratios > '' AND s.user_id = ?1 AND s.ratios > t.ratios AND s.alert_id <> ?2)
    FROM t WHERE t.ratios IS NOT NULL)
SELECT ratios FROM t WHERE ratios IS NOT NULL;

-- name: ratios_not_known_of
SELECT a.rule FROM alert_states s CROSS JOIN alerts a ON a.id = s.alert_id
WHERE s.others <> '' AND s.user_id = ? AND s.ratios IS NULL AND s.alert_id <> ? AND a.rule IS NOT NULL;

-- name: alert_tickers
WITH RECURSIVE t(ticker) AS (
    SELECT min(ticker) FROM alerts INDEXED BY alerts_active WHERE is_active = 1 AND user_id = ?1
    UNION ALL
    SELECT (SELECT min(a.ticker) FROM alerts a INDEXED BY alerts_active
            WHERE a.is_active = 1 AND a.user_id = ?1 AND a.ticker > t.ticker)
    FROM t WHERE t.ticker IS NOT NULL)
SELECT ticker FROM t WHERE ticker IS NOT NULL;

-- name: alert_counts
SELECT ticker, count(*) FROM alerts INDEXED BY alerts_active WHERE is_active = 1 AND user_id = ? GROUP BY ticker;

-- name: alert_counts_by_others
SELECT others, count(*) FROM alert_states WHERE user_id = ? AND others <> '' GROUP BY others;

-- name: alerts_of_ticker
SELECT ?1, count(*)
FROM (SELECT 1 FROM alerts INDEXED BY alerts_by_ticker WHERE is_active = 1 AND ticker = ?1 LIMIT 100000);

-- name: alerts_by_others
SELECT others, count(*) FROM alert_states WHERE others <> '' GROUP BY others;

-- name: watch_state_put
INSERT INTO watch_states (ticker, state, reason, since) VALUES (?, ?, ?, ?)
ON CONFLICT (ticker) DO UPDATE
SET since = iif(state = excluded.state, since, excluded.since), state = excluded.state, reason = excluded.reason;

-- name: watch_state_remove
DELETE FROM watch_states WHERE ticker = ?;

-- name: watch_states
SELECT ticker, state, reason, since FROM watch_states ORDER BY ticker;

-- name: listing_source_read
INSERT INTO listing_sources (source, kind, read_at) VALUES (?, ?, ?)
ON CONFLICT (source) DO UPDATE SET kind = excluded.kind, read_at = excluded.read_at WHERE read_at <= excluded.read_at;

-- name: listing_source_changed
UPDATE listing_sources SET revision = revision + 1 WHERE source = ?;

-- name: listing_sources
SELECT source, kind, read_at, revision FROM listing_sources ORDER BY source;

-- name: listings
SELECT symbol, ticker, currency, status, name, gone_at, disagrees_since FROM listings WHERE source = ? ORDER BY symbol;

-- name: listing_put
-- Another coin under the symbol is not judged by the one before.
INSERT INTO listings (symbol, ticker, currency, status, name, source) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (source, symbol) DO UPDATE
SET ticker = excluded.ticker, currency = excluded.currency, status = excluded.status, name = excluded.name,
    gone_at = NULL, disagrees_since = iif(ticker = excluded.ticker, disagrees_since, NULL);

-- name: listing_gone
UPDATE listings SET status = 'delisted', gone_at = ?3 WHERE symbol = ?1 AND source = ?2;

-- name: listings_forget
DELETE FROM listings WHERE source = ? AND gone_at < ?;

-- name: listing_disagrees
UPDATE listings SET disagrees_since = ?3
WHERE source = ?1 AND symbol = ?2 AND (disagrees_since IS NULL) IS NOT (?3 IS NULL);

-- name: judged_until
SELECT until FROM judged WHERE id = 1;

-- name: judged_note
INSERT INTO judged (id, until) VALUES (1, ?1)
ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE until < excluded.until OR until > ?2;

-- name: blind_put
INSERT INTO blind_spans (ticker, started_at, ended_at, reason, state, unknown_us, due_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (ticker, started_at) DO UPDATE
SET ended_at = excluded.ended_at, state = excluded.state, unknown_us = excluded.unknown_us, due_at = excluded.due_at
WHERE state = 'open' AND excluded.state <> 'open';

-- name: blind_open
SELECT ticker, started_at, ended_at, reason, state, told_until, unknown_us, fired, tries FROM blind_spans
WHERE ended_at IS NULL ORDER BY ticker, started_at;

-- name: blind_unresolved
SELECT ticker, started_at FROM blind_spans WHERE ended_at IS NULL
UNION ALL SELECT ticker, started_at FROM blind_spans WHERE due_at IS NOT NULL;

-- name: blind_of_ticker
SELECT ticker, started_at, ended_at, reason, state, told_until, unknown_us, fired, tries FROM blind_spans
WHERE ticker = ?1 AND (ended_at IS NULL OR ended_at > ?2)
ORDER BY started_at DESC LIMIT ?3;

-- name: blind_all
SELECT ticker, started_at, ended_at, reason, state, told_until, unknown_us, fired, tries FROM blind_spans
WHERE ended_at IS NULL OR ended_at > ?1
ORDER BY started_at DESC, ticker DESC LIMIT ?2;

-- name: blind_claim
UPDATE blind_spans SET due_at = ?4, lease_owner = ?3
WHERE (ticker, started_at) IN (
    SELECT ticker, started_at FROM blind_spans WHERE due_at IS NOT NULL AND (due_at <= ?1 OR lease_owner = ?3)
    ORDER BY due_at LIMIT ?2)
RETURNING ticker, started_at, ended_at, reason, state, told_until, unknown_us, fired, tries;

-- name: blind_finish
UPDATE blind_spans
SET state = ?4, told_until = ?5, unknown_us = ?6, fired = ?7, tries = ?8, due_at = ?9, lease_owner = NULL
WHERE ticker = ?1 AND started_at = ?2 AND lease_owner = ?3;

-- name: alerts_recoverable
SELECT id, condition, target, created_at FROM alerts
WHERE ticker = ? AND is_active = 1 AND recover = 1 AND rule IS NULL AND created_at < ?;

-- name: alerts_recoverable_ruled
SELECT
-- include: active_columns
FROM alerts a CROSS JOIN alert_states s ON s.alert_id = a.id
WHERE a.ticker = ? AND a.is_active = 1 AND a.recover = 1 AND a.rule IS NOT NULL AND s.begun_at < ?
LIMIT ?;

-- name: blind_prune
DELETE FROM blind_spans WHERE (ticker, started_at) IN (
    SELECT ticker, started_at FROM blind_spans WHERE started_at < ? ORDER BY started_at LIMIT ?);
