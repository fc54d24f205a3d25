-- Reads all attempts, once; they can be read and written meanwhile.
-- shown by: OlderVersionTest.ItRecordsAttemptsWhileTheyBecomePartitions
ALTER TABLE attempts VALIDATE CONSTRAINT attempts_before;
