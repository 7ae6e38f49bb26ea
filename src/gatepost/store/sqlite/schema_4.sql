-- Mail on its way: messages, their bodies while something of them waits, and deliveries.
-- A delivery is waiting (due), leased (epoch), held (held), or settled (none of these).

CREATE TABLE queue_messages (
    seq         INTEGER PRIMARY KEY,  -- the order of acceptance
    id          TEXT    NOT NULL UNIQUE,
    received_at INTEGER NOT NULL,
    mail_from   TEXT    NOT NULL,     -- '' is the null sender
    parameters  TEXT,                 -- what ESMTP added to MAIL, as JSON; mostly nothing
    subject     TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    principal   TEXT    NOT NULL,
    trace       BLOB    NOT NULL,
    size        INTEGER NOT NULL,     -- of the body
    checksum    INTEGER NOT NULL,     -- CRC-32 of the body
    segment     INTEGER,              -- NULL: the body is in queue_bodies, or gone
    "offset"    INTEGER,
    settled     INTEGER               -- when the last delivery was; NULL: one is not
);

CREATE INDEX queue_messages_by_segment ON queue_messages (segment, "offset", size)
    WHERE segment IS NOT NULL;
CREATE INDEX queue_messages_settled ON queue_messages (settled) WHERE settled IS NOT NULL;

CREATE TABLE queue_bodies (
    seq     INTEGER PRIMARY KEY,
    content BLOB NOT NULL
);

CREATE TABLE queue_deliveries (
    message    INTEGER NOT NULL,      -- queue_messages.seq
    part       INTEGER NOT NULL,
    hop        TEXT    NOT NULL,      -- the next hop's key
    due        INTEGER,
    epoch      INTEGER,               -- of the owner that has it
    held       INTEGER NOT NULL DEFAULT 0, -- of a leased one: to be held afterwards
    token      INTEGER NOT NULL,      -- leases so far
    attempts   INTEGER NOT NULL DEFAULT 0,
    warned     INTEGER NOT NULL DEFAULT 0,
    expires    INTEGER NOT NULL,
    notice     INTEGER NOT NULL,
    addressees TEXT    NOT NULL,      -- a JSON array
    history    TEXT,                  -- a JSON array
    PRIMARY KEY (message, part)
) WITHOUT ROWID;

CREATE INDEX queue_deliveries_due    ON queue_deliveries (hop, due) WHERE due IS NOT NULL;
CREATE INDEX queue_deliveries_notice ON queue_deliveries (notice) WHERE due IS NOT NULL;
CREATE INDEX queue_deliveries_leased ON queue_deliveries (epoch, hop) WHERE epoch IS NOT NULL;
CREATE INDEX queue_deliveries_held   ON queue_deliveries (hop) WHERE held = 1;

-- Next hops for which something waits, and when the first of it is due: so that neither an open
-- breaker nor a crowd before one of them costs the others a look at every row.
CREATE TABLE queue_hops (
    key TEXT PRIMARY KEY,
    due INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX queue_hops_due ON queue_hops (due);
