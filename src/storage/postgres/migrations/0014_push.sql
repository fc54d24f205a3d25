-- Browsers that are notified of their users' alerts.
CREATE TABLE push_subscriptions (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    endpoint   text COLLATE "C" NOT NULL UNIQUE,
    keys       text NOT NULL,  -- sealed
    label      text NOT NULL,
    created_at timestamptz NOT NULL,
    success_at timestamptz,
    failure_at timestamptz,
    failure    text NOT NULL DEFAULT ''
) WITH (fillfactor = 70);

CREATE INDEX push_subscriptions_of_user ON push_subscriptions (user_id, id);

-- Keys of the server's own that all of its processes share, sealed.
CREATE TABLE server_keys (
    name   text COLLATE "C" PRIMARY KEY,
    sealed text NOT NULL
);

-- A delivery to a device is of a kind of its own, which senders of the version before skip, and says what its alert's
-- webhook says, with the revision apart: firings are listed and counted by the webhooks'.
ALTER TYPE delivery_kind ADD VALUE 'push';
ALTER TYPE delivery_kind ADD VALUE 'ruled_push';
ALTER TYPE delivery_kind ADD VALUE 'expired_push';
ALTER TYPE delivery_kind ADD VALUE 'test_push';
ALTER TABLE deliveries ADD COLUMN push_id uuid;  -- a subscription, which may be gone
ALTER TABLE deliveries ADD COLUMN push_revision bigint;

CREATE INDEX deliveries_pushed ON deliveries (alert_id, id) WHERE push_id IS NOT NULL;
CREATE INDEX deliveries_to_push ON deliveries (push_id) WHERE push_id IS NOT NULL AND due_at IS NOT NULL;

-- The delivery to a device that belongs to a webhook's: listed beside it, and the same if it is written again.
CREATE FUNCTION push_delivery(delivery uuid, subscription uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT encode(substring(uuid_send(delivery) FOR 8)
                  || substring(sha256(uuid_send(delivery) || uuid_send(subscription)) FOR 8), 'hex')::uuid
$$;
