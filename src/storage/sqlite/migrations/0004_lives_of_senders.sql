-- Until when each sender says that it lives: what a dead one has claimed need not wait for its leases.
CREATE TABLE senders (
    owner       TEXT PRIMARY KEY,
    alive_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
