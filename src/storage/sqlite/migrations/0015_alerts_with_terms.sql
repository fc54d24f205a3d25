-- Alerts with terms: those that do more than fire once at a price gt or lt a number. Their rule is the canonical text of
-- room rule; their condition and target are 'lt' and 0, which is true for no price.
ALTER TABLE alerts ADD COLUMN rule TEXT;
ALTER TABLE alerts ADD COLUMN rule_key TEXT NOT NULL DEFAULT '';
-- What condition and target would be if they can express the rule alone; rule_key is '' then.
ALTER TABLE alerts ADD COLUMN plain_condition TEXT;
ALTER TABLE alerts ADD COLUMN plain_target TEXT;
ALTER TABLE alerts ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;  -- of the rule
ALTER TABLE alerts ADD COLUMN message TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN changed_at INTEGER;  -- when its user, or the end of its life, last changed it

CREATE INDEX alerts_changed ON alerts (user_id, changed_at) WHERE changed_at IS NOT NULL;

-- No second identical active alert, however it was written.
DROP INDEX alerts_active;
CREATE UNIQUE INDEX alerts_active ON alerts (user_id, ticker, coalesce(plain_condition, condition),
                                             coalesce(plain_target, target), webhook_url, rule_key)
WHERE is_active = 1;

-- The rest of what is durable of an alert with a rule: one row per alert.
CREATE TABLE alert_states (
    alert_id         BLOB PRIMARY KEY,
    user_id          BLOB NOT NULL,
    firings          INTEGER NOT NULL,  -- in its whole life
    times            INTEGER,           -- it ends with this firing or a later one; NULL: with none
    rules            TEXT NOT NULL,     -- armed, side, start and extreme of each rule; empty before it has begun
    begun_at         INTEGER NOT NULL,
    not_before       INTEGER,           -- it does not fire at an earlier time: the end of its cooldown
    snoozed_until    INTEGER,
    starts_at        INTEGER,
    expires_at       INTEGER,
    notify_on_expiry INTEGER NOT NULL,
    ended            TEXT,              -- why it is not active
    -- Its last firing, as in alerts.
    triggered_at     INTEGER,
    triggered_price  TEXT,
    late             TEXT,
    others           TEXT NOT NULL      -- tickers that it watches besides its own, if it is active
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_states_expiring ON alert_states (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX alert_states_others ON alert_states (others) WHERE others <> '';
CREATE INDEX alert_states_others_of_user ON alert_states (user_id, others) WHERE others <> '';

-- Rules that were replaced, for deliveries of their firings.
CREATE TABLE alert_rules (
    alert_id    BLOB NOT NULL,
    revision    INTEGER NOT NULL,
    rule        TEXT NOT NULL,
    replaced_at INTEGER NOT NULL,
    PRIMARY KEY (alert_id, revision)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_rules_by_time ON alert_rules (replaced_at);

CREATE TRIGGER alerts_rule_deleted AFTER DELETE ON alerts WHEN OLD.rule IS NOT NULL BEGIN
    DELETE FROM alert_states WHERE alert_id = OLD.id;
    DELETE FROM alert_rules WHERE alert_id = OLD.id;
END;

-- A delivery carries its own firing: that of its alert may be a later one. Deliveries from before this migration have
-- none: their alert has fired once. revision and the columns after it are set if the alert has a rule.
ALTER TABLE deliveries ADD COLUMN firing INTEGER;  -- its number in the alert's life
ALTER TABLE deliveries ADD COLUMN price TEXT;
ALTER TABLE deliveries ADD COLUMN price_time INTEGER;
ALTER TABLE deliveries ADD COLUMN price_fired BLOB;
ALTER TABLE deliveries ADD COLUMN revision INTEGER;
ALTER TABLE deliveries ADD COLUMN level TEXT;
ALTER TABLE deliveries ADD COLUMN condition TEXT;
ALTER TABLE deliveries ADD COLUMN evidence TEXT;

CREATE UNIQUE INDEX deliveries_firing ON deliveries (alert_id, firing) WHERE revision IS NOT NULL;
CREATE INDEX deliveries_of_rules ON deliveries (alert_id, id) WHERE revision IS NOT NULL;
-- Tests of alerts with and without a rule are of different kinds.
DROP INDEX deliveries_tests;
CREATE INDEX deliveries_tests ON deliveries (alert_id) WHERE test_price IS NOT NULL;

-- A price that fired, with what its sources said then.
CREATE TABLE prices_fired (
    id       BLOB PRIMARY KEY,
    board    TEXT NOT NULL,
    board_at INTEGER
) STRICT, WITHOUT ROWID;

-- Answers to requests that have created something and bear a key, so that repeating one creates nothing.
CREATE TABLE idempotency_keys (
    user_id    BLOB NOT NULL,
    key        TEXT NOT NULL,
    request    BLOB NOT NULL,     -- its hash
    status     INTEGER NOT NULL,
    answer     TEXT NOT NULL,
    size       INTEGER NOT NULL,  -- of the answer, in bytes
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_user ON idempotency_keys (user_id, created_at, size);
