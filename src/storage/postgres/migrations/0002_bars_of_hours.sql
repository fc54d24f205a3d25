-- A chart of days is made of hours: of minutes it took longer than a request should. An hour knows its first and last
-- minute, so that it is exact in whatever order its minutes come.
CREATE TABLE hour_bars (
    ticker       text COLLATE "C" NOT NULL,
    start        timestamptz NOT NULL,
    open         numeric NOT NULL,
    high         numeric NOT NULL,
    low          numeric NOT NULL,
    close        numeric NOT NULL,
    first_minute timestamptz NOT NULL,
    last_minute  timestamptz NOT NULL,
    PRIMARY KEY (ticker, start)
);

CREATE INDEX hour_bars_by_start ON hour_bars (start);

INSERT INTO hour_bars (ticker, start, open, high, low, close, first_minute, last_minute)
SELECT ticker, date_trunc('hour', start, 'UTC'), (array_agg(open ORDER BY start))[1], max(high), min(low),
       (array_agg(close ORDER BY start DESC))[1], min(start), max(start)
FROM bars GROUP BY ticker, date_trunc('hour', start, 'UTC');
