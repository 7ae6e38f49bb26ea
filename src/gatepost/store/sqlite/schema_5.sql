-- The mailbox: what lists show of captured messages, and what searches compare.

CREATE TABLE mailbox (
    seq         INTEGER PRIMARY KEY,  -- messages.seq
    received_at INTEGER NOT NULL,
    size        INTEGER NOT NULL,     -- with the trace fields
    is_read     INTEGER NOT NULL,
    attachments INTEGER NOT NULL,
    inlines     INTEGER NOT NULL,
    application TEXT    NOT NULL,
    username    TEXT    NOT NULL,
    lane        TEXT    NOT NULL,
    tags        TEXT    NOT NULL,     -- '' or each between two separators
    keys        TEXT    NOT NULL,     -- the same
    sender      TEXT    NOT NULL,     -- this and the following are folded
    recipients  TEXT    NOT NULL,
    cc          TEXT    NOT NULL,
    bcc         TEXT    NOT NULL,
    reply_to    TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    message_id  TEXT    NOT NULL
);

CREATE INDEX mailbox_by_inbox ON mailbox (application, username, lane, is_read, received_at);
CREATE INDEX mailbox_by_tags ON mailbox (tags) WHERE tags <> '';

-- Apart, so that a search in headers reads no texts.
CREATE TABLE mailbox_contents (
    seq     INTEGER PRIMARY KEY,
    summary TEXT NOT NULL,            -- a JSON object
    words   TEXT NOT NULL             -- folded
);

-- The cursor: messages that were there before get their entries, too.
INSERT INTO counters VALUES ('indexed', 0);
