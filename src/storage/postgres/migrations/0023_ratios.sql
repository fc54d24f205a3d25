-- The pairs of tickers whose ratio an alert watches, so that those of a user can be counted where one is added. Unknown of
-- alerts that the version before has made: their rule says it.
ALTER TABLE alert_states ADD COLUMN ratios text COLLATE "C";

CREATE INDEX alert_states_ratios_of_user ON alert_states (user_id, ratios) WHERE others <> '' AND ratios > '';
CREATE INDEX alert_states_ratios_not_known ON alert_states (user_id) WHERE others <> '' AND ratios IS NULL;
