-- Which conditions, formats, kinds and states exist is checked by the program, which rejects what it does not know. With
-- CHECKs, each later kind would need its table rebuilt. (PostgreSQL needs no such migration: its types take a further
-- value by ALTER TYPE … ADD VALUE, which rewrites no row and keeps the statements that running processes have prepared.)
--
-- SQLite cannot drop a CHECK. Removing one by editing the text of the schema is the documented way that does not rewrite
-- the table (sqlite.org/lang_altertable.html, section 7); the rebuilt table below makes other connections reload it.
PRAGMA writable_schema = ON;

UPDATE sqlite_schema SET sql = replace(replace(sql,
' CHECK (condition IN (''gt'', ''lt''))', ''),
'
    CHECK (format = ''json'' OR format = ''slack'' OR format = ''discord'' OR format = ''telegram'' OR format = ''template'')', '')
WHERE type = 'table' AND name = 'alerts';

UPDATE sqlite_schema SET sql = replace(replace(sql,
' CHECK (kind = ''alert'' OR kind = ''test'')', ''),
'
                -- Not IN: of more than two texts that is a look into a table, and a firing writes many rows.
                CHECK (state = ''pending'' OR state = ''delivering'' OR state = ''delivered'' OR state = ''failed''
                       OR state = ''expired'' OR state = ''cancelled'')', '')
WHERE type = 'table' AND name = 'deliveries';

PRAGMA writable_schema = RESET;

ALTER TABLE breakers RENAME TO breakers_checked;
CREATE TABLE breakers (
    endpoint   TEXT PRIMARY KEY,
    state      TEXT NOT NULL,
    failures   INTEGER NOT NULL,
    retry_at   INTEGER,
    reason     TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO breakers SELECT * FROM breakers_checked;
DROP TABLE breakers_checked;
