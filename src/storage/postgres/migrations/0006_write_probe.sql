-- Its one row is written to find out whether the database can be written.
CREATE TABLE write_probe (
    id         integer PRIMARY KEY CHECK (id = 1),
    written_at timestamptz NOT NULL
);
INSERT INTO write_probe VALUES (1, now());
