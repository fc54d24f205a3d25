-- name: user_insert
INSERT INTO users (id, email, api_key_hash, webhook_secret, is_active, created_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING;

-- name: user_by_key_hash
SELECT id, email, is_active, created_at FROM users WHERE api_key_hash = ?;

-- name: user_by_email
SELECT id, email, is_active, created_at FROM users WHERE email = ?;

-- name: users_all
SELECT id, email, is_active, created_at FROM users ORDER BY id;

-- name: user_set_active
UPDATE users SET is_active = ? WHERE id = ?;

-- name: alerts_active_count
SELECT active_alerts FROM users WHERE id = ?;

-- name: alert_insert
INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at)
VALUES (?, ?, ?, ?, ?, ?, 1, ?)
ON CONFLICT DO NOTHING;

-- name: alert_remove
DELETE FROM alerts WHERE id = ?;

-- name: alert_get
SELECT id, user_id, ticker, condition, target, webhook_url, is_active, created_at, triggered_at, triggered_price
FROM alerts WHERE id = ? AND user_id = ? AND deleted_at IS NULL;

-- name: alert_list
SELECT id, user_id, ticker, condition, target, webhook_url, is_active, created_at, triggered_at, triggered_price
FROM alerts
WHERE user_id = ?1 AND id < ?2 AND deleted_at IS NULL
  AND (?3 IS NULL OR is_active = ?3) AND (?4 IS NULL OR ticker = ?4)
ORDER BY id DESC LIMIT ?5;

-- name: alert_delete
UPDATE alerts SET is_active = 0, deleted_at = ? WHERE id = ? AND user_id = ? AND deleted_at IS NULL;

-- name: alerts_load_active
SELECT id, ticker, condition, target FROM alerts WHERE is_active = 1;

-- name: firing_add
INSERT OR IGNORE INTO temp.firing (alert_id, delivery_id) VALUES (?, ?);

-- name: firing_deliveries
INSERT INTO deliveries (id, alert_id, state, attempts, due_at, created_at)
SELECT f.delivery_id, f.alert_id, 'pending', 0, ?1, ?1
FROM temp.firing f CROSS JOIN alerts a ON a.id = f.alert_id
WHERE +a.is_active = 1
RETURNING id;

-- name: firing_alerts
UPDATE alerts SET is_active = 0, triggered_at = ?, triggered_price = ?
WHERE id IN (SELECT alert_id FROM temp.firing) AND +is_active = 1;

-- name: firing_clear
DELETE FROM temp.firing;

-- name: claimable
SELECT d.attempts, d.created_at,
       a.id, a.user_id, a.ticker, a.condition, a.target, a.webhook_url, a.is_active, a.created_at, a.triggered_at,
       a.triggered_price, u.webhook_secret
FROM deliveries d CROSS JOIN alerts a ON a.id = d.alert_id CROSS JOIN users u ON u.id = a.user_id
WHERE d.id = ? AND d.due_at <= ?;

-- name: claim
UPDATE deliveries SET state = 'delivering', due_at = ?, lease_owner = ? WHERE id = ?;

-- name: due
SELECT id FROM deliveries WHERE due_at <= ? ORDER BY due_at LIMIT ?;

-- name: next_due
SELECT min(due_at) FROM deliveries WHERE due_at IS NOT NULL;

-- name: release
UPDATE deliveries SET state = 'pending', due_at = created_at, lease_owner = NULL WHERE lease_owner = ?;

-- name: record_delivery
UPDATE deliveries SET state = ?, attempts = ?, due_at = ?, finished_at = ?, lease_owner = NULL
WHERE id = ? AND attempts = ? AND due_at IS NOT NULL;

-- name: record_attempt
INSERT INTO attempts (delivery_id, number, started_at, duration_us, status, error) VALUES (?, ?, ?, ?, ?, ?);

-- name: deliveries_of
SELECT id, alert_id, state, attempts, created_at, due_at, finished_at FROM deliveries WHERE alert_id = ? ORDER BY id;

-- name: attempts_of
SELECT number, started_at, duration_us, status, error FROM attempts WHERE delivery_id = ? ORDER BY number;

-- name: bar_get
SELECT open, high, low, close FROM bars WHERE ticker = ? AND start = ?;

-- name: bar_put
INSERT OR REPLACE INTO bars (ticker, start, open, high, low, close) VALUES (?, ?, ?, ?, ?, ?);

-- name: bars
SELECT start, open, high, low, close FROM bars WHERE ticker = ? AND start >= ? AND start < ? ORDER BY start LIMIT ?;

-- name: bars_prune
DELETE FROM bars WHERE (ticker, start) IN (SELECT ticker, start FROM bars WHERE start < ? LIMIT ?);
