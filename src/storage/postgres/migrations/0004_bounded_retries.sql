-- How often a delivery's user has asked for it again: that is limited.
ALTER TABLE deliveries ADD COLUMN retries integer NOT NULL DEFAULT 0;

-- URLs that refuse a user's webhooks (401, 403, 404, 405), with how often in a row.
CREATE TABLE endpoint_refusals (
    user_id     uuid NOT NULL,
    webhook_url text COLLATE "C" NOT NULL,
    refusals    integer NOT NULL,
    status      integer NOT NULL,  -- of all of them; 0 if they differ
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (user_id, webhook_url)
) WITH (fillfactor = 70);

CREATE INDEX endpoint_refusals_many ON endpoint_refusals (refusals) WHERE refusals >= 50;
CREATE INDEX endpoint_refusals_old ON endpoint_refusals (last_at);
