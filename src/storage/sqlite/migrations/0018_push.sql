-- Browsers that are notified of their users' alerts.
CREATE TABLE push_subscriptions (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    user_id    BLOB NOT NULL,
    endpoint   TEXT NOT NULL UNIQUE,
    keys       TEXT NOT NULL,  -- sealed
    label      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    success_at INTEGER,
    failure_at INTEGER,
    failure    TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE INDEX push_subscriptions_of_user ON push_subscriptions (user_id, id);

-- Keys of the server's own that all of its processes share, sealed.
CREATE TABLE server_keys (
    name   TEXT PRIMARY KEY,
    sealed TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A delivery to a device is of a kind of its own and says what its alert's webhook says, with the revision apart: firings
-- are listed and counted by the webhooks'.
ALTER TABLE deliveries ADD COLUMN push_id BLOB;  -- a subscription, which may be gone
ALTER TABLE deliveries ADD COLUMN push_revision INTEGER;

CREATE INDEX deliveries_pushed ON deliveries (alert_id, id) WHERE push_id IS NOT NULL;
CREATE INDEX deliveries_to_push ON deliveries (push_id) WHERE push_id IS NOT NULL AND due_at IS NOT NULL;
