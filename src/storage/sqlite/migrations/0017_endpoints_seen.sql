-- The body that was sent; NULL if nothing was, and in attempts of the version before.
ALTER TABLE attempts ADD COLUMN request_body TEXT;

-- What has become of a user's webhooks to a URL, counted as outcomes are written.
CREATE TABLE endpoints_seen (
    user_id        BLOB NOT NULL,
    webhook_url    TEXT NOT NULL,
    success_at     INTEGER,
    failure_at     INTEGER,
    failure        TEXT NOT NULL DEFAULT '',
    failure_status INTEGER,
    last_at        INTEGER NOT NULL,
    PRIMARY KEY (user_id, webhook_url)
) STRICT, WITHOUT ROWID;

CREATE INDEX endpoints_seen_old ON endpoints_seen (last_at);

CREATE TABLE endpoint_calls (
    user_id     BLOB NOT NULL,
    webhook_url TEXT NOT NULL,
    hour        INTEGER NOT NULL,  -- since 1970
    succeeded   INTEGER NOT NULL,
    place       INTEGER NOT NULL,  -- how long they took: a place in latency_bounds, -1 without an answer
    calls       INTEGER NOT NULL,
    PRIMARY KEY (user_id, webhook_url, hour, succeeded, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX endpoint_calls_old ON endpoint_calls (hour);

-- Of each user's latest deliveries, so that what was called before this migration does not look as if it never was.
INSERT INTO endpoints_seen (user_id, webhook_url, success_at, failure_at, failure, failure_status, last_at)
SELECT d.user_id, a.webhook_url, max(iif(d.state = 'delivered', d.finished_at, NULL)),
       max(iif(d.state = 'failed', d.finished_at, NULL)), '', NULL, max(d.finished_at)
FROM users u CROSS JOIN deliveries d ON d.id IN (
         SELECT o.id FROM deliveries o WHERE o.user_id = u.id ORDER BY o.id DESC LIMIT 200)
     CROSS JOIN alerts a ON a.id = d.alert_id
WHERE d.finished_at IS NOT NULL AND d.attempts > 0 AND (d.state = 'delivered' OR d.state = 'failed')
GROUP BY d.user_id, a.webhook_url;
