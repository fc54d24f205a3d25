-- Breakers that are not closed, of each user's endpoints: what one user's receivers do decides over no other user's
-- deliveries. The version before keeps its own in `breakers`.
CREATE TABLE user_breakers (
    user_id    BLOB NOT NULL,
    endpoint   TEXT NOT NULL,  -- scheme, host and port
    state      TEXT NOT NULL,
    failures   INTEGER NOT NULL,
    retry_at   INTEGER,
    reason     TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, endpoint)
) STRICT, WITHOUT ROWID;

-- With the user in it, due deliveries of users who have enough claimed are passed over without reading their rows.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (due_at, user_id) WHERE due_at IS NOT NULL;
