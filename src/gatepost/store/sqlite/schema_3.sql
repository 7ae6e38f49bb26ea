-- Send operations of the e-mail REST API.

CREATE TABLE operations (
    id                TEXT    PRIMARY KEY,  -- messages.id, which may be gone
    resource          TEXT    NOT NULL,
    started_at        INTEGER NOT NULL,
    request           BLOB    NOT NULL,     -- SHA-256
    sender            TEXT    NOT NULL,
    message_id        TEXT    NOT NULL,     -- '' when it is ours
    tracking_disabled INTEGER NOT NULL,
    error_code        TEXT,                 -- NULL: it succeeds
    error_message     TEXT
) WITHOUT ROWID;

CREATE INDEX operations_by_age ON operations (started_at);
CREATE INDEX operations_by_message_id ON operations (message_id) WHERE message_id <> '';
