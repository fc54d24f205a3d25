-- Bars from venues' candles. origin: 0 live prices; 1 minutes, some of which come from venues' candles; 2 a candle of the
-- whole interval. volume: in coins, NULL where no venue has told it.
ALTER TABLE bars ADD COLUMN volume TEXT;
ALTER TABLE bars ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_bars ADD COLUMN volume TEXT;
ALTER TABLE hour_bars ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;

-- Candles of days; those of which hours are known are made of hours.
CREATE TABLE day_bars (
    ticker TEXT NOT NULL,
    start  INTEGER NOT NULL,
    open   TEXT NOT NULL,
    high   TEXT NOT NULL,
    low    TEXT NOT NULL,
    close  TEXT NOT NULL,
    volume TEXT,
    PRIMARY KEY (ticker, start)
) STRICT, WITHOUT ROWID;

CREATE INDEX day_bars_by_start ON day_bars (start);

-- Until when a ticker's past has been asked from venues, when that is done next, and who is doing it until when.
CREATE TABLE fills (
    ticker       TEXT PRIMARY KEY,
    filled_until INTEGER,
    next_at      INTEGER NOT NULL,
    owner        TEXT,
    lease        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
