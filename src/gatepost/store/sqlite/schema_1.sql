-- Captured mail, the directory's objects, and what is counted.
-- Times are microseconds since 1970-01-01 UTC, sizes octets.

CREATE TABLE messages (
    seq         INTEGER PRIMARY KEY,  -- the order of acceptance
    id          TEXT    NOT NULL UNIQUE,
    received_at INTEGER NOT NULL,
    mail_from   TEXT    NOT NULL,     -- '' is the null sender
    rcpt_to     TEXT    NOT NULL,     -- a JSON array
    parameters  TEXT,                 -- what ESMTP added to the envelope, as JSON; mostly nothing
    subject     TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    principal   TEXT    NOT NULL,
    trace       BLOB    NOT NULL,
    size        INTEGER NOT NULL,     -- of the body
    checksum    INTEGER NOT NULL,     -- CRC-32 of the body
    segment     INTEGER,              -- NULL: the body is in bodies
    "offset"    INTEGER
);

CREATE INDEX messages_by_segment ON messages (segment, "offset", size) WHERE segment IS NOT NULL;

-- Apart, so that a listing reads no bodies.
CREATE TABLE bodies (
    seq     INTEGER PRIMARY KEY,
    content BLOB NOT NULL
);

CREATE TABLE records (
    kind   TEXT NOT NULL,
    id     TEXT NOT NULL,
    fields TEXT NOT NULL,             -- a JSON object
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO counters VALUES ('epoch', 0), ('messages', 0), ('octets', 0);
