-- An index that was made before migration 21, and whose CREATE INDEX CONCURRENTLY did not end, is not used, but written.
-- shown by: PostgresMigrateTest.AnIndexWhoseConcurrentCreationFailedIsMadeAgain
DO $$ BEGIN
    IF NOT (SELECT indisvalid FROM pg_index WHERE indexrelid = 'deliveries_due_by_slot'::regclass) THEN
        REINDEX INDEX deliveries_due_by_slot;
    END IF;
END $$;
