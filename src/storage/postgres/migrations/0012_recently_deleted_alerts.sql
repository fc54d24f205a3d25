-- A deleted alert of which nothing is left is kept for a day, so that clients of the live stream can be told of it. The
-- version before removes it earlier, by alerts_gone.
CREATE INDEX alerts_gone_since ON alerts (deleted_at) WHERE deleted_at IS NOT NULL AND delivery_id IS NULL;
