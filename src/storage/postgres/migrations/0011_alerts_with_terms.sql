-- Alerts with terms: those that do more than fire once at a price gt or lt a number. Their rule is the canonical text of
-- room rule; their condition and target are 'lt' and 0, which is true for no price: the version before loads them and
-- fires nothing.
ALTER TABLE alerts ADD COLUMN rule text COLLATE "C";
ALTER TABLE alerts ADD COLUMN rule_key text COLLATE "C" NOT NULL DEFAULT '';
-- What condition and target would be if they can express the rule alone; rule_key is '' then.
ALTER TABLE alerts ADD COLUMN plain_condition alert_condition;
ALTER TABLE alerts ADD COLUMN plain_target numeric;
ALTER TABLE alerts ADD COLUMN revision bigint NOT NULL DEFAULT 1;  -- of the rule
ALTER TABLE alerts ADD COLUMN message text NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN changed_at timestamptz;  -- when its user, or the end of its life, last changed it

CREATE INDEX alerts_changed ON alerts (user_id, changed_at) WHERE changed_at IS NOT NULL;

-- No second identical active alert, however it was written.
DROP INDEX alerts_active;
CREATE UNIQUE INDEX alerts_active ON alerts (user_id, ticker, (coalesce(plain_condition, condition)),
                                             (coalesce(plain_target, target)), webhook_url, rule_key)
WHERE is_active;

-- The rest of what is durable of an alert with a rule: one row per alert. Whoever changes it has locked its row of
-- alerts.
CREATE TABLE alert_states (
    alert_id         uuid PRIMARY KEY REFERENCES alerts ON DELETE CASCADE,
    user_id          uuid NOT NULL,
    firings          bigint NOT NULL,         -- in its whole life
    times            bigint,                  -- it ends with this firing or a later one; NULL: with none
    rules            text NOT NULL,           -- armed, side, start and extreme of each rule; empty before it has begun
    begun_at         timestamptz NOT NULL,
    not_before       timestamptz,             -- it does not fire at an earlier time: the end of its cooldown
    snoozed_until    timestamptz,
    starts_at        timestamptz,
    expires_at       timestamptz,
    notify_on_expiry boolean NOT NULL,
    ended            text COLLATE "C",        -- why it is not active
    -- Its last firing, as in alerts.
    triggered_at     timestamptz,
    triggered_price  numeric,
    late             text COLLATE "C",
    others           text COLLATE "C" NOT NULL  -- tickers that it watches besides its own, if it is active
) WITH (fillfactor = 70);

CREATE INDEX alert_states_expiring ON alert_states (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX alert_states_others ON alert_states (others) WHERE others <> '';
CREATE INDEX alert_states_others_of_user ON alert_states (user_id, others) WHERE others <> '';

-- Rules that were replaced, for deliveries of their firings.
CREATE TABLE alert_rules (
    alert_id    uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
    revision    bigint NOT NULL,
    rule        text COLLATE "C" NOT NULL,
    replaced_at timestamptz NOT NULL,
    PRIMARY KEY (alert_id, revision)
);

CREATE INDEX alert_rules_by_time ON alert_rules (replaced_at);

-- A checker of the version before would still fire an alert that has just been given a rule, before it receives that
-- change. Its statement sets late; this version does so only for alerts without a rule that fire late, so that the others
-- fire as fast as without the trigger.
CREATE FUNCTION alert_is_left() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER alerts_with_a_rule BEFORE UPDATE OF late ON alerts
FOR EACH ROW WHEN (OLD.rule IS NOT NULL) EXECUTE FUNCTION alert_is_left();

-- A delivery carries its own firing: that of its alert may be a later one. Deliveries from before this migration, and
-- those of the version before, have none: their alert has fired once. revision and the columns after it are set if the
-- alert has a rule.
ALTER TABLE deliveries ADD COLUMN firing bigint;  -- its number in the alert's life
ALTER TABLE deliveries ADD COLUMN price numeric;
ALTER TABLE deliveries ADD COLUMN price_time timestamptz;
ALTER TABLE deliveries ADD COLUMN price_fired uuid;
ALTER TABLE deliveries ADD COLUMN revision bigint;
ALTER TABLE deliveries ADD COLUMN level numeric;
ALTER TABLE deliveries ADD COLUMN condition alert_condition;
ALTER TABLE deliveries ADD COLUMN evidence text;

-- Senders of the version before skip deliveries of these kinds: what they would send of an alert with a rule is wrong.
-- 'plain' are those of firings from before it was given its rule.
ALTER TYPE delivery_kind ADD VALUE 'expired';
ALTER TYPE delivery_kind ADD VALUE 'ruled';
ALTER TYPE delivery_kind ADD VALUE 'ruled_test';
ALTER TYPE delivery_kind ADD VALUE 'plain';

CREATE UNIQUE INDEX deliveries_firing ON deliveries (alert_id, firing) WHERE revision IS NOT NULL;
CREATE INDEX deliveries_of_rules ON deliveries (alert_id, id) WHERE revision IS NOT NULL;
-- Tests of either kind. The version before uses deliveries_tests.
CREATE INDEX deliveries_of_tests ON deliveries (alert_id) WHERE test_price IS NOT NULL;

-- A price that fired, with what its sources said then.
CREATE TABLE prices_fired (
    id       uuid PRIMARY KEY,
    board    text NOT NULL,
    board_at timestamptz
);

-- Answers to requests that have created something and bear a key, so that repeating one creates nothing.
CREATE TABLE idempotency_keys (
    user_id    uuid NOT NULL,
    key        text COLLATE "C" NOT NULL,
    request    bytea NOT NULL,    -- its hash
    status     integer NOT NULL,
    answer     text NOT NULL,
    size       bigint NOT NULL,   -- of the answer, in bytes
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);

CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_user ON idempotency_keys (user_id, created_at, size);
