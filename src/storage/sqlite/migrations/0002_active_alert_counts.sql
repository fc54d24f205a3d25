-- Counting a user's active alerts for the limit took longer the more there were. The count is kept with the user
-- instead, by triggers, so that no statement can forget it.

ALTER TABLE users ADD COLUMN active_alerts INTEGER NOT NULL DEFAULT 0;

UPDATE users SET active_alerts = (SELECT count(*) FROM alerts a WHERE a.user_id = users.id AND a.is_active = 1);

CREATE TRIGGER alerts_count_inserted AFTER INSERT ON alerts WHEN NEW.is_active = 1 BEGIN
    UPDATE users SET active_alerts = active_alerts + 1 WHERE id = NEW.user_id;
END;

CREATE TRIGGER alerts_count_changed AFTER UPDATE OF is_active ON alerts WHEN NEW.is_active <> OLD.is_active BEGIN
    UPDATE users SET active_alerts = active_alerts + NEW.is_active - OLD.is_active WHERE id = NEW.user_id;
END;

CREATE TRIGGER alerts_count_deleted AFTER DELETE ON alerts WHEN OLD.is_active = 1 BEGIN
    UPDATE users SET active_alerts = active_alerts - 1 WHERE id = OLD.user_id;
END;
