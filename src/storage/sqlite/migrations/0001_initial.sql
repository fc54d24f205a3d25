-- Times are microseconds since 1970 (UTC). Ids are the 16 bytes of a version 7 UUID, so tables clustered by them grow
-- at their end. Prices are decimal text: SQLite's own numbers would round them.

CREATE TABLE users (
    id             BLOB PRIMARY KEY CHECK (length(id) = 16),
    email          TEXT NOT NULL COLLATE NOCASE UNIQUE,
    api_key_hash   BLOB NOT NULL UNIQUE CHECK (length(api_key_hash) = 32),
    webhook_secret TEXT NOT NULL,
    is_active      INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
    id              BLOB PRIMARY KEY CHECK (length(id) = 16),
    user_id         BLOB NOT NULL,
    ticker          TEXT NOT NULL,
    condition       TEXT NOT NULL CHECK (condition IN ('gt', 'lt')),
    target          TEXT NOT NULL,
    webhook_url     TEXT NOT NULL,
    is_active       INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at      INTEGER NOT NULL,
    triggered_at    INTEGER,
    triggered_price TEXT,
    -- A deleted alert is hidden, not removed: a delivery already written for it still needs it.
    deleted_at      INTEGER
) STRICT, WITHOUT ROWID;

-- No second identical active alert.
CREATE UNIQUE INDEX alerts_active ON alerts (user_id, ticker, condition, target, webhook_url) WHERE is_active = 1;
CREATE INDEX alerts_by_user ON alerts (user_id, id);

CREATE TABLE deliveries (
    id          BLOB PRIMARY KEY CHECK (length(id) = 16),
    alert_id    BLOB NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'delivering', 'delivered', 'failed')),
    attempts    INTEGER NOT NULL DEFAULT 0,  -- made so far
    -- When it may be claimed: a pending one at its next attempt, a claimed one when its lease ends, a final one never.
    due_at      INTEGER,
    lease_owner TEXT,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_by_alert ON deliveries (alert_id);
CREATE INDEX deliveries_claimed ON deliveries (lease_owner) WHERE lease_owner IS NOT NULL;

CREATE TABLE attempts (
    delivery_id BLOB NOT NULL,
    number      INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE bars (
    ticker TEXT NOT NULL,
    start  INTEGER NOT NULL,
    open   TEXT NOT NULL,
    high   TEXT NOT NULL,
    low    TEXT NOT NULL,
    close  TEXT NOT NULL,
    PRIMARY KEY (ticker, start)
) STRICT, WITHOUT ROWID;

CREATE INDEX bars_by_start ON bars (start);
