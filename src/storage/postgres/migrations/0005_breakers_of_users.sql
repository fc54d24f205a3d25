-- Breakers that are not closed, of each user's endpoints: what one user's receivers do decides over no other user's
-- deliveries. The version before keeps its own in `breakers`.
CREATE TABLE user_breakers (
    user_id    uuid NOT NULL,
    endpoint   text COLLATE "C" NOT NULL,  -- scheme, host and port
    state      text COLLATE "C" NOT NULL,
    failures   integer NOT NULL,
    retry_at   timestamptz,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, endpoint)
);
