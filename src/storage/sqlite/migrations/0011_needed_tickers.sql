-- Tickers that a chart or a stream needs, and until when.
CREATE TABLE ticker_needs (
    ticker TEXT PRIMARY KEY,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tickers that are needed and cannot be watched.
CREATE TABLE watch_states (
    ticker TEXT PRIMARY KEY,
    state  TEXT NOT NULL,
    reason TEXT NOT NULL,
    since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which tickers active alerts have: asked for every second.
CREATE INDEX alerts_by_ticker ON alerts (ticker) WHERE is_active = 1;
