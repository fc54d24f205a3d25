-- The trace of the request that made an alert (W3C Trace Context), as one text. None in those that are there already,
-- so that no row is written again for it.
ALTER TABLE alerts ADD COLUMN trace text COLLATE "C";
