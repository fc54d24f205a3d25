-- Ids are version 7 UUIDs, so indexes on them grow at their end. Prices are NUMERIC, which is exact. Text that is
-- compared or sorted is so bytewise (COLLATE "C"), as the other storages do. Durations are in microseconds.

-- Types rather than checks of text: a check compares with each name in turn, for each row that is written.
CREATE TYPE alert_condition AS ENUM ('gt', 'lt');
CREATE TYPE payload_format AS ENUM ('json', 'slack', 'discord', 'telegram', 'template');
CREATE TYPE delivery_kind AS ENUM ('alert', 'test');
CREATE TYPE delivery_state AS ENUM ('pending', 'delivering', 'delivered', 'failed', 'expired', 'cancelled');

CREATE TABLE users (
    id              uuid PRIMARY KEY,
    email           text COLLATE "C" NOT NULL,
    api_key_hash    bytea NOT NULL UNIQUE CHECK (length(api_key_hash) = 32),
    -- Sealed. The previous one is empty where there is none.
    webhook_secret  text NOT NULL,
    previous_secret text NOT NULL DEFAULT '',
    previous_until  timestamptz,
    is_active       boolean NOT NULL,
    -- Kept, since counting them for the limit takes longer the more there are. Whatever changes the set of active
    -- alerts locks alerts first and users second, each in the order of their ids: so nobody waits in a circle.
    active_alerts   integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    -- A deleted user is there until nothing refers to it any more.
    deleted_at      timestamptz
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE INDEX users_gone ON users (id) WHERE deleted_at IS NOT NULL;

CREATE TABLE alerts (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    ticker          text COLLATE "C" NOT NULL,
    condition       alert_condition NOT NULL,
    target          numeric NOT NULL,
    webhook_url     text COLLATE "C" NOT NULL,
    is_active       boolean NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL,
    triggered_at    timestamptz,
    triggered_price numeric,
    -- A deleted alert is hidden, not removed: a delivery already written for it still needs it.
    deleted_at      timestamptz,
    -- What a webhook's body looks like, and how long it is worth sending.
    format          payload_format NOT NULL,
    template_body   text,
    template_type   text,
    note            text NOT NULL,
    deliver_within  bigint NOT NULL,
    -- The delivery that its firing wrote: found from here, a firing need not keep an index of deliveries by alert.
    delivery_id     uuid
);

-- No second identical active alert.
CREATE UNIQUE INDEX alerts_active ON alerts (user_id, ticker, condition, target, webhook_url) WHERE is_active;
CREATE INDEX alerts_by_user ON alerts (user_id, id);
-- Deleted alerts of which nothing is left but, perhaps, tests.
CREATE INDEX alerts_gone ON alerts (id) WHERE deleted_at IS NOT NULL AND delivery_id IS NULL;

CREATE TABLE deliveries (
    id          uuid PRIMARY KEY,
    alert_id    uuid NOT NULL,
    user_id     uuid NOT NULL,
    kind        delivery_kind NOT NULL DEFAULT 'alert',
    state       delivery_state NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,  -- made so far
    round_start integer NOT NULL DEFAULT 0,  -- of those, made before its user asked for it again
    -- When it may be claimed: a pending one at its next attempt, a claimed one when its lease ends, a final one never.
    due_at      timestamptz,
    lease_owner text COLLATE "C",
    -- The endpoint it waits for, and its place among those that do.
    lane        text COLLATE "C",
    lane_turn   bigint,
    created_at  timestamptz NOT NULL,
    deadline    timestamptz NOT NULL,
    finished_at timestamptz,
    reason      text NOT NULL DEFAULT '',
    test_price  numeric  -- what a test tells of
);

CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_claimed ON deliveries (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX deliveries_by_user ON deliveries (user_id, id);
CREATE INDEX deliveries_missed ON deliveries (user_id, id) WHERE finished_at IS NOT NULL AND state <> 'delivered';
CREATE INDEX deliveries_deferred ON deliveries (lane, lane_turn) WHERE lane IS NOT NULL;
CREATE INDEX deliveries_tests ON deliveries (alert_id) WHERE kind = 'test';
CREATE SEQUENCE lane_turns;

CREATE TABLE attempts (
    delivery_id     uuid NOT NULL,
    number          integer NOT NULL,
    started_at      timestamptz NOT NULL,
    duration_us     bigint NOT NULL,
    status          integer,
    error           text NOT NULL,
    remote_ip       text NOT NULL,
    request_headers text NOT NULL,
    answer          bytea NOT NULL,  -- as it came: any bytes
    dns_us          bigint,
    connect_us      bigint,
    tls_us          bigint,
    first_byte_us   bigint,
    PRIMARY KEY (delivery_id, number)
);

-- URLs that answered 410 to a user's webhook.
CREATE TABLE disabled_endpoints (
    user_id     uuid NOT NULL,
    webhook_url text COLLATE "C" NOT NULL,
    disabled_at timestamptz NOT NULL,
    reason      text NOT NULL,
    PRIMARY KEY (user_id, webhook_url)
);

-- Breakers that are not closed.
CREATE TABLE breakers (
    endpoint   text COLLATE "C" PRIMARY KEY,
    state      text COLLATE "C" NOT NULL CHECK (state IN ('open', 'half_open')),
    failures   integer NOT NULL,
    retry_at   timestamptz,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL
);

-- Until when each sender says that it lives: what a dead one has claimed need not wait for its leases.
CREATE TABLE senders (
    owner       text COLLATE "C" PRIMARY KEY,
    alive_until timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE bars (
    ticker text COLLATE "C" NOT NULL,
    start  timestamptz NOT NULL,
    open   numeric NOT NULL,
    high   numeric NOT NULL,
    low    numeric NOT NULL,
    close  numeric NOT NULL,
    PRIMARY KEY (ticker, start)
);

CREATE INDEX bars_by_start ON bars (start);

-- Each delivery is written several times within seconds, and its dead versions stand at the front of deliveries_due,
-- where everybody looks: they are to be removed long before a fifth of the table is dead, which is the default.
ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE alerts SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE users SET (autovacuum_vacuum_scale_factor = 0.05);
