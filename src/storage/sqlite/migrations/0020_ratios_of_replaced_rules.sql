-- A process of a version before 0019 that replaces a rule knows nothing of its ratios: they are unknown again, until this
-- version writes them, which it does after the rule.
-- shown by: SqliteStorageTest.ARuleThatAnOlderVersionReplacesIsCounted
CREATE TRIGGER alerts_with_another_rule AFTER UPDATE OF rule ON alerts WHEN OLD.rule IS NOT NEW.rule BEGIN
    UPDATE alert_states SET ratios = NULL WHERE alert_id = NEW.id AND ratios IS NOT NULL;
END;
