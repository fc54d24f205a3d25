-- Bars from venues' candles. origin: 0 live prices; 1 minutes, some of which come from venues' candles; 2 a candle of the
-- whole interval. volume: in coins, NULL where no venue has told it.
ALTER TABLE bars ADD COLUMN volume numeric;
ALTER TABLE bars ADD COLUMN origin smallint NOT NULL DEFAULT 0;
ALTER TABLE hour_bars ADD COLUMN volume numeric;
ALTER TABLE hour_bars ADD COLUMN origin smallint NOT NULL DEFAULT 0;

-- Candles of days; those of which hours are known are made of hours.
CREATE TABLE day_bars (
    ticker text COLLATE "C" NOT NULL,
    start  timestamptz NOT NULL,
    open   numeric NOT NULL,
    high   numeric NOT NULL,
    low    numeric NOT NULL,
    close  numeric NOT NULL,
    volume numeric,
    PRIMARY KEY (ticker, start)
);

CREATE INDEX day_bars_by_start ON day_bars (start);

-- Until when a ticker's past has been asked from venues, when that is done next, and who is doing it until when.
CREATE TABLE fills (
    ticker       text COLLATE "C" PRIMARY KEY,
    filled_until timestamptz,
    next_at      timestamptz NOT NULL,
    owner        text,
    lease        timestamptz NOT NULL
);
