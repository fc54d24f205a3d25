-- Which pairs each source lists, as its list was last read.
CREATE TABLE listing_sources (
    source   text COLLATE "C" PRIMARY KEY,
    kind     text COLLATE "C" NOT NULL,  -- exchange or aggregator
    read_at  timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 0  -- increases with every change of a listing of the source
);

CREATE TABLE listings (
    source          text COLLATE "C" NOT NULL,
    symbol          text COLLATE "C" NOT NULL,  -- as the source spells it
    ticker          text COLLATE "C" NOT NULL,
    currency        text COLLATE "C" NOT NULL,
    status          text COLLATE "C" NOT NULL,
    name            text NOT NULL,  -- of the coin; empty where the list has none
    gone_at         timestamptz,    -- when it was first missing in the list
    disagrees_since timestamptz,    -- its price is far from the other sources' prices of the ticker
    PRIMARY KEY (source, symbol)
);
