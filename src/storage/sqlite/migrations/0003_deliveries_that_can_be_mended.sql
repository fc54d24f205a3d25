-- What a webhook's body looks like, and how long it is worth sending. deliver_within is in microseconds.
ALTER TABLE alerts ADD COLUMN format TEXT NOT NULL DEFAULT 'json'
    CHECK (format = 'json' OR format = 'slack' OR format = 'discord' OR format = 'telegram' OR format = 'template');
ALTER TABLE alerts ADD COLUMN template_body TEXT;
ALTER TABLE alerts ADD COLUMN template_type TEXT;
ALTER TABLE alerts ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN deliver_within INTEGER NOT NULL DEFAULT 86400000000;
-- The delivery that its firing wrote: found from here, a firing need not keep an index of deliveries by alert.
ALTER TABLE alerts ADD COLUMN delivery_id BLOB;
UPDATE alerts SET delivery_id = (SELECT d.id FROM deliveries d WHERE d.alert_id = alerts.id)
WHERE triggered_at IS NOT NULL;
-- Deleted alerts of which nothing is left but, perhaps, tests.
CREATE INDEX alerts_gone ON alerts (id) WHERE deleted_at IS NOT NULL AND delivery_id IS NULL;

-- A trigger for each alert that fires took as long as all the rest of a firing. What makes alerts inactive counts
-- itself: a firing, once for each user.
DROP TRIGGER alerts_count_changed;

-- Sealed, as webhook_secret. Empty where there is none.
ALTER TABLE users ADD COLUMN previous_secret TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN previous_until INTEGER;
-- A deleted user is there until nothing refers to it any more.
ALTER TABLE users ADD COLUMN deleted_at INTEGER;
CREATE INDEX users_gone ON users (id) WHERE deleted_at IS NOT NULL;

CREATE TABLE deliveries_new (
    id          BLOB PRIMARY KEY CHECK (length(id) = 16),
    alert_id    BLOB NOT NULL,
    user_id     BLOB NOT NULL,
    kind        TEXT NOT NULL DEFAULT 'alert' CHECK (kind = 'alert' OR kind = 'test'),
    state       TEXT NOT NULL
                -- Not IN: of more than two texts that is a look into a table, and a firing writes many rows.
                CHECK (state = 'pending' OR state = 'delivering' OR state = 'delivered' OR state = 'failed'
                       OR state = 'expired' OR state = 'cancelled'),
    attempts    INTEGER NOT NULL DEFAULT 0,  -- made so far
    round_start INTEGER NOT NULL DEFAULT 0,  -- of those, made before its user asked for it again
    -- When it may be claimed: a pending one at its next attempt, a claimed one when its lease ends, a final one never.
    due_at      INTEGER,
    lease_owner TEXT,
    -- The endpoint it waits for, and its place among those that do.
    lane        TEXT,
    lane_turn   INTEGER,
    created_at  INTEGER NOT NULL,
    deadline    INTEGER NOT NULL,
    finished_at INTEGER,
    reason      TEXT NOT NULL DEFAULT '',
    test_price  TEXT  -- what a test tells of
) STRICT, WITHOUT ROWID;

INSERT INTO deliveries_new (id, alert_id, user_id, state, attempts, due_at, lease_owner, created_at, deadline,
                            finished_at)
SELECT d.id, d.alert_id, a.user_id, d.state, d.attempts, d.due_at, d.lease_owner, d.created_at,
       d.created_at + 86400000000, d.finished_at
FROM deliveries d CROSS JOIN alerts a ON a.id = d.alert_id
ORDER BY d.id;

DROP TABLE deliveries;
ALTER TABLE deliveries_new RENAME TO deliveries;

CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_claimed ON deliveries (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX deliveries_by_user ON deliveries (user_id, id);
CREATE INDEX deliveries_missed ON deliveries (user_id, id) WHERE finished_at IS NOT NULL AND state <> 'delivered';
CREATE INDEX deliveries_deferred ON deliveries (lane, lane_turn) WHERE lane IS NOT NULL;
CREATE INDEX deliveries_tests ON deliveries (alert_id) WHERE kind = 'test';

ALTER TABLE attempts ADD COLUMN remote_ip TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN request_headers TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN answer BLOB NOT NULL DEFAULT x'';  -- as it came: any bytes
ALTER TABLE attempts ADD COLUMN dns_us INTEGER;
ALTER TABLE attempts ADD COLUMN connect_us INTEGER;
ALTER TABLE attempts ADD COLUMN tls_us INTEGER;
ALTER TABLE attempts ADD COLUMN first_byte_us INTEGER;

-- URLs that answered 410 to a user's webhook.
CREATE TABLE disabled_endpoints (
    user_id     BLOB NOT NULL,
    webhook_url TEXT NOT NULL,
    disabled_at INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    PRIMARY KEY (user_id, webhook_url)
) STRICT, WITHOUT ROWID;

-- Breakers that are not closed.
CREATE TABLE breakers (
    endpoint   TEXT PRIMARY KEY,
    state      TEXT NOT NULL CHECK (state IN ('open', 'half_open')),
    failures   INTEGER NOT NULL,
    retry_at   INTEGER,
    reason     TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
