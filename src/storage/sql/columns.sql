-- What the queries of both databases read of an alert, a firing and a delivery, in the order that the readers in
-- alert_rows.hpp expect.

-- name: alert_columns
-- The columns of an alert in the plain form, but for the last firing.
a.id, a.user_id, a.ticker, a.condition, a.target, a.webhook_url, a.is_active, a.created_at,
-- name: alert_rest
a.format, a.template_body, a.template_type, a.note, a.deliver_within, e.disabled_at, a.trace, a.recover
-- name: state_columns
a.revision, s.firings, s.not_before, s.snoozed_until, s.starts_at, s.expires_at, s.rules
-- name: active_columns
a.id, a.ticker, a.condition, a.target, a.rule, a.created_at, s.begun_at, s.notify_on_expiry,
-- include: state_columns
-- name: alert_whole
-- include: alert_columns
       CASE WHEN a.rule IS NULL THEN a.triggered_at ELSE s.triggered_at END,
       CASE WHEN a.rule IS NULL THEN a.triggered_price ELSE s.triggered_price END,
-- include: alert_rest
       , CASE WHEN a.rule IS NULL THEN a.late ELSE s.late END, a.message,
       a.rule, s.begun_at, s.notify_on_expiry, s.ended,
-- include: state_columns
FROM alerts a LEFT JOIN alert_states s ON s.alert_id = a.id
     LEFT JOIN disabled_endpoints e ON e.user_id = a.user_id AND e.webhook_url = a.webhook_url
-- name: firing_columns
-- Of an expiry and of a test the firings so far.
coalesce(d.firing, (SELECT f.firings FROM alert_states f WHERE f.alert_id = a.id)), d.price, d.price_time,
coalesce(d.revision, d.push_revision), d.level, d.condition, d.evidence,
CASE WHEN coalesce(d.revision, d.push_revision, a.revision) = a.revision THEN a.rule
     ELSE (SELECT r.rule FROM alert_rules r
           WHERE r.alert_id = d.alert_id AND r.revision = coalesce(d.revision, d.push_revision)) END,
a.revision
-- name: view_columns
d.id, d.alert_id, d.created_at, d.late, g.board, g.board_at, a.triggered_price, a.condition, a.target,
-- include: firing_columns
-- name: delivery_columns
d.id, d.alert_id, a.ticker, a.webhook_url, d.kind, d.state, d.attempts, d.created_at, d.deadline, d.due_at,
       d.finished_at, d.reason, t.status, d.late, d.round_start, d.push_id, p.endpoint, p.label,
-- include: view_columns
-- name: push_columns
-- Where a claimed delivery to a device goes.
d.push_id, p.endpoint, p.keys, p.label
-- name: subscription_columns
id, user_id, endpoint, keys, label, created_at, success_at, failure_at, failure
