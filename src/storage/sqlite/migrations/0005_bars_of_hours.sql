-- A chart of days is made of hours: of minutes it took longer than a request should. An hour knows its first and last
-- minute, so that it is exact in whatever order its minutes come.
CREATE TABLE hour_bars (
    ticker       TEXT NOT NULL,
    start        INTEGER NOT NULL,
    open         TEXT NOT NULL,
    high         TEXT NOT NULL,
    low          TEXT NOT NULL,
    close        TEXT NOT NULL,
    first_minute INTEGER NOT NULL,
    last_minute  INTEGER NOT NULL,
    PRIMARY KEY (ticker, start)
) STRICT, WITHOUT ROWID;

CREATE INDEX hour_bars_by_start ON hour_bars (start);

-- Decimal text behind the number of its digits before the point sorts as its number does.
INSERT INTO hour_bars (ticker, start, open, high, low, close, first_minute, last_minute)
SELECT h.ticker, h.start,
       (SELECT m.open FROM bars m WHERE m.ticker = h.ticker AND m.start = h.first_minute),
       substr(h.high, 3), substr(h.low, 3),
       (SELECT m.close FROM bars m WHERE m.ticker = h.ticker AND m.start = h.last_minute),
       h.first_minute, h.last_minute
FROM (SELECT ticker, start - start % 3600000000 AS start,
             max(printf('%02d', instr(high || '.', '.')) || high) AS high,
             min(printf('%02d', instr(low || '.', '.')) || low) AS low,
             min(start) AS first_minute, max(start) AS last_minute
      FROM bars b GROUP BY b.ticker, b.start - b.start % 3600000000) h;
