-- A process of a version before 0023 that replaces a rule knows nothing of its ratios: they are unknown again, until this
-- version writes them, which it does after the rule.
CREATE FUNCTION ratios_are_unknown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE alert_states SET ratios = NULL WHERE alert_id = NEW.id AND ratios IS NOT NULL;
    RETURN NULL;
END
$$;
-- shown by: OlderVersionTest.ItReplacesARuleAndItsRatiosCount
CREATE TRIGGER alerts_with_another_rule AFTER UPDATE OF rule ON alerts
FOR EACH ROW WHEN (OLD.rule IS DISTINCT FROM NEW.rule) EXECUTE FUNCTION ratios_are_unknown();
