-- The body that was sent; NULL if nothing was, and in attempts of the version before.
ALTER TABLE attempts ADD COLUMN request_body text;

-- What has become of a user's webhooks to a URL, counted as outcomes are written; attempts of senders of the version before
-- are not.
CREATE TABLE endpoints_seen (
    user_id        uuid NOT NULL,
    webhook_url    text COLLATE "C" NOT NULL,
    success_at     timestamptz,
    failure_at     timestamptz,
    failure        text NOT NULL DEFAULT '',
    failure_status integer,
    last_at        timestamptz NOT NULL,
    PRIMARY KEY (user_id, webhook_url)
) WITH (fillfactor = 70);

CREATE INDEX endpoints_seen_old ON endpoints_seen (last_at);

CREATE TABLE endpoint_calls (
    user_id     uuid NOT NULL,
    webhook_url text COLLATE "C" NOT NULL,
    hour        bigint NOT NULL,   -- since 1970
    succeeded   boolean NOT NULL,
    place       integer NOT NULL,  -- how long they took: a place in latency_bounds, -1 without an answer
    calls       bigint NOT NULL,
    PRIMARY KEY (user_id, webhook_url, hour, succeeded, place)
) WITH (fillfactor = 70);

CREATE INDEX endpoint_calls_old ON endpoint_calls (hour);

-- Of each user's latest deliveries, so that what was called before this migration does not look as if it never was.
INSERT INTO endpoints_seen (user_id, webhook_url, success_at, failure_at, failure, failure_status, last_at)
SELECT d.user_id, a.webhook_url, max(d.finished_at) FILTER (WHERE d.state = 'delivered'),
       max(d.finished_at) FILTER (WHERE d.state = 'failed'), '', NULL, max(d.finished_at)
FROM users u CROSS JOIN LATERAL (SELECT * FROM deliveries o WHERE o.user_id = u.id ORDER BY o.user_id DESC, o.id DESC
                                 LIMIT 200) d
     JOIN alerts a ON a.id = d.alert_id
WHERE d.finished_at IS NOT NULL AND d.attempts > 0 AND d.state IN ('delivered', 'failed')
GROUP BY d.user_id, a.webhook_url;
