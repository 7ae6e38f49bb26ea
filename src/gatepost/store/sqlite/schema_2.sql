-- What became of mail, who is to be told, and whom nothing is sent to.

-- Messages that were deleted before the consumer of reports had read them.
CREATE TABLE departed (
    seq         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    mail_from   TEXT    NOT NULL,
    rcpt_to     TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    principal   TEXT    NOT NULL
);

CREATE TABLE reports (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT    NOT NULL UNIQUE,
    type     TEXT    NOT NULL,
    message  TEXT    NOT NULL,     -- messages.id, which may be gone
    resource TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    data     TEXT    NOT NULL      -- a JSON object
);

CREATE INDEX reports_by_message ON reports (message);

CREATE TABLE deliveries (
    subscription TEXT    NOT NULL,
    report       INTEGER NOT NULL, -- reports.number
    published_at INTEGER NOT NULL,
    due          INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    last_at      INTEGER,          -- the last attempt
    outcome      TEXT    NOT NULL DEFAULT '',
    dead         TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (subscription, report)
) WITHOUT ROWID;

CREATE INDEX deliveries_by_due ON deliveries (subscription, due) WHERE dead = '';
CREATE INDEX deliveries_by_report ON deliveries (report);

CREATE TABLE leases (
    address TEXT    PRIMARY KEY,
    level   INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    until   INTEGER NOT NULL
) WITHOUT ROWID;

-- The cursor: mail that was there before has no reports to come.
INSERT INTO counters SELECT 'reported', coalesce(max(seq), 0) FROM messages;
