-- What is known of mail that providers report about, and of their reports.

CREATE TABLE notes (
    n     INTEGER PRIMARY KEY,        -- the order in which they were written
    scope TEXT    NOT NULL,
    key   TEXT    NOT NULL,
    value TEXT    NOT NULL,
    until INTEGER NOT NULL
);

CREATE UNIQUE INDEX notes_by_key ON notes (scope, key);
CREATE INDEX notes_by_end ON notes (until);
