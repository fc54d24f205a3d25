-- Which pairs each source lists, as its list was last read.
CREATE TABLE listing_sources (
    source   TEXT PRIMARY KEY,
    kind     TEXT NOT NULL,  -- exchange or aggregator
    read_at  INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0  -- increases with every change of a listing of the source
) STRICT, WITHOUT ROWID;

CREATE TABLE listings (
    source          TEXT NOT NULL,
    symbol          TEXT NOT NULL,  -- as the source spells it
    ticker          TEXT NOT NULL,
    currency        TEXT NOT NULL,
    status          TEXT NOT NULL,
    name            TEXT NOT NULL,  -- of the coin; empty where the list has none
    gone_at         INTEGER,        -- when it was first missing in the list
    disagrees_since INTEGER,        -- its price is far from the other sources' prices of the ticker
    PRIMARY KEY (source, symbol)
) STRICT, WITHOUT ROWID;
