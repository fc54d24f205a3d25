-- Processes that divide work, each until its lease ends by this database's clock. What the version before does not know of
-- them does it no harm: it holds everything.
CREATE TABLE members (
    role        text COLLATE "C" NOT NULL,
    id          text COLLATE "C" NOT NULL,
    name        text NOT NULL,
    version     text NOT NULL,
    since       timestamptz NOT NULL,
    lease_until timestamptz NOT NULL,
    epoch       bigint NOT NULL DEFAULT 1,  -- how often its lease has begun
    holds       bigint NOT NULL,            -- alerts of a checker, tickers of a feed; 0 of a sender
    settled     text NOT NULL,              -- the view of its group for which it holds all of its share
    judged      timestamptz,                -- of a checker: until when it has judged all prices
    position    text NOT NULL,              -- the same in the stream of prices
    PRIMARY KEY (role, id)
) WITH (fillfactor = 50);
