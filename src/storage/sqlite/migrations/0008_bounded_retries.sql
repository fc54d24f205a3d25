-- How often a delivery's user has asked for it again: that is limited.
ALTER TABLE deliveries ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;

-- URLs that refuse a user's webhooks (401, 403, 404, 405), with how often in a row.
CREATE TABLE endpoint_refusals (
    user_id     BLOB NOT NULL,
    webhook_url TEXT NOT NULL,
    refusals    INTEGER NOT NULL,
    status      INTEGER NOT NULL,  -- of all of them; 0 if they differ
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, webhook_url)
) STRICT, WITHOUT ROWID;

CREATE INDEX endpoint_refusals_many ON endpoint_refusals (refusals) WHERE refusals >= 50;
CREATE INDEX endpoint_refusals_old ON endpoint_refusals (last_at);
