-- Whether an alert may fire for a moment that nobody watched, and what such a firing rests on: see LateFiring.
ALTER TABLE alerts ADD COLUMN recover INTEGER NOT NULL DEFAULT 1;
ALTER TABLE alerts ADD COLUMN late TEXT;
ALTER TABLE deliveries ADD COLUMN late TEXT;

-- Until when all prices were judged; what was not is in blind_spans.
CREATE TABLE judged (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    until INTEGER NOT NULL
) STRICT;

-- Times in which no price of a ticker was judged.
CREATE TABLE blind_spans (
    ticker      TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    reason      TEXT NOT NULL,
    state       TEXT NOT NULL,
    told_until  INTEGER,                     -- what was before is recovered
    unknown_us  INTEGER NOT NULL,            -- of it, what is not recovered
    fired       INTEGER NOT NULL DEFAULT 0,  -- alerts that have fired late for it
    tries       INTEGER NOT NULL DEFAULT 0,  -- to recover it
    due_at      INTEGER,                     -- when it may be claimed for the next one: set while it waits
    lease_owner TEXT,
    PRIMARY KEY (ticker, started_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX blind_spans_by_start ON blind_spans (started_at);
CREATE INDEX blind_spans_due ON blind_spans (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX blind_spans_open ON blind_spans (ticker) WHERE ended_at IS NULL;
