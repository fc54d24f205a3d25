-- The trace of the request that made an alert (W3C Trace Context), as one text. None in those that are there already.
ALTER TABLE alerts ADD COLUMN trace TEXT;
