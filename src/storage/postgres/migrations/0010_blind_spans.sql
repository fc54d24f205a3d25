-- Whether an alert may fire for a moment that nobody watched, and what such a firing rests on: see LateFiring.
ALTER TABLE alerts ADD COLUMN recover boolean NOT NULL DEFAULT true;
ALTER TABLE alerts ADD COLUMN late text COLLATE "C";
ALTER TABLE deliveries ADD COLUMN late text COLLATE "C";

-- Until when all prices were judged; what was not is in blind_spans.
CREATE TABLE judged (
    id    integer PRIMARY KEY CHECK (id = 1),
    until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Times in which no price of a ticker was judged.
CREATE TABLE blind_spans (
    ticker      text COLLATE "C" NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    reason      text NOT NULL,
    state       text COLLATE "C" NOT NULL,
    told_until  timestamptz,                 -- what was before is recovered
    unknown_us  bigint NOT NULL,             -- of it, what is not recovered
    fired       integer NOT NULL DEFAULT 0,  -- alerts that have fired late for it
    tries       integer NOT NULL DEFAULT 0,  -- to recover it
    due_at      timestamptz,                 -- when it may be claimed for the next one: set while it waits
    lease_owner text COLLATE "C",
    PRIMARY KEY (ticker, started_at)
);

CREATE INDEX blind_spans_by_start ON blind_spans (started_at);
CREATE INDEX blind_spans_due ON blind_spans (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX blind_spans_open ON blind_spans (ticker) WHERE ended_at IS NULL;
