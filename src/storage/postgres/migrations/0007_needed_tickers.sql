-- Tickers that a chart or a stream needs, and until when.
CREATE TABLE ticker_needs (
    ticker text COLLATE "C" PRIMARY KEY,
    until  timestamptz NOT NULL
) WITH (fillfactor = 70);

-- Tickers that are needed and cannot be watched. What a state may be is the program's business.
CREATE TABLE watch_states (
    ticker text COLLATE "C" PRIMARY KEY,
    state  text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    since  timestamptz NOT NULL
);

-- Which tickers active alerts have: asked for every second.
CREATE INDEX alerts_by_ticker ON alerts (ticker) WHERE is_active;
