-- Times are microseconds since 1970-01-01 UTC, sizes octets. Text of clients that may hold NUL, or
-- octets that are not UTF-8, is bytea. Names sort by their octets, whatever the database's locale.

-- The owner of the store: who has a row here may write, who has none is fenced.
CREATE TABLE node (
    epoch   bigint PRIMARY KEY,       -- of one start; it never comes again
    name    text   NOT NULL UNIQUE,
    beat    bigint NOT NULL DEFAULT 0, -- grows while it lives
    program text   NOT NULL
) WITH (fillfactor = 10);

-- One row for each connection that writes, so that no two wait for each other. The only foreign
-- key: it is the fence.
CREATE TABLE writer (
    epoch  bigint   REFERENCES node ON DELETE CASCADE,
    n      smallint,
    groups bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, n)
) WITH (fillfactor = 10);

CREATE TABLE counter (
    name  text   COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
) WITH (fillfactor = 10);

-- The tables body_N, which have the contents of messages. They are dropped as a whole.
CREATE TABLE segment (
    n    int     PRIMARY KEY,
    kind text    NOT NULL,            -- captured, queued
    open boolean NOT NULL DEFAULT true
);

-- Captured mail.
CREATE TABLE captured (
    seq         bigint PRIMARY KEY,   -- the order of acceptance, without gaps that are filled later
    key         bigint NOT NULL,      -- of its body
    id          text   COLLATE "C" NOT NULL UNIQUE,
    received_at bigint NOT NULL,
    mail_from   bytea  NOT NULL,      -- '' is the null sender
    rcpt_to     text   NOT NULL,      -- a JSON array
    parameters  text,                 -- what ESMTP added to MAIL, as JSON; mostly nothing
    subject     bytea  NOT NULL,
    message_id  bytea  NOT NULL,
    principal   bytea  NOT NULL,
    trace       bytea  NOT NULL,
    size        bigint NOT NULL,      -- of the body
    checksum    bigint NOT NULL,      -- CRC-32 of the body
    segment     int    NOT NULL
);

-- Messages that were deleted before the consumer of reports had read them.
CREATE TABLE departed (
    seq         bigint PRIMARY KEY,
    id          text   NOT NULL,
    received_at bigint NOT NULL,
    mail_from   bytea  NOT NULL,
    rcpt_to     text   NOT NULL,
    subject     bytea  NOT NULL,
    message_id  bytea  NOT NULL,
    size        bigint NOT NULL,
    principal   bytea  NOT NULL
);

-- The directory's objects.
CREATE TABLE record (
    kind   text COLLATE "C",
    id     text COLLATE "C",
    fields text NOT NULL,             -- a JSON object
    PRIMARY KEY (kind, id)
);

-- Mail on its way. A delivery is waiting (due), leased (node), held (held), or settled (none of
-- these). A lease of a node that is gone counts as waiting until the next owner gives it back.
CREATE TABLE message (
    key         bigint PRIMARY KEY,   -- epoch << 32 | n, made by the node: the order of acceptance
    id          text   COLLATE "C" NOT NULL UNIQUE,
    received_at bigint NOT NULL,
    mail_from   bytea  NOT NULL,      -- '' is the null sender
    parameters  text,                 -- what ESMTP added to MAIL, as JSON; mostly nothing
    subject     bytea  NOT NULL,
    message_id  bytea  NOT NULL,
    principal   bytea  NOT NULL,
    trace       bytea  NOT NULL,
    size        bigint NOT NULL,
    checksum    bigint NOT NULL,
    segment     int    NOT NULL,
    settled     bigint                -- when the last delivery was; NULL: one is not
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);

CREATE INDEX message_settled ON message (settled) WHERE settled IS NOT NULL;

-- No index on node: the planner would use it for settlements instead of the key, and every lease
-- would have to change it.
CREATE TABLE delivery (
    message    bigint,
    part       int,
    hop        text    COLLATE "C" NOT NULL,  -- the next hop's key
    due        bigint,
    node       bigint,                -- the epoch of the owner that has it
    held       boolean NOT NULL DEFAULT false, -- of a leased one: to be held afterwards
    token      int     NOT NULL,      -- leases so far
    attempts   int     NOT NULL DEFAULT 0,
    warned     boolean NOT NULL DEFAULT false,
    expires    bigint  NOT NULL,
    notice     bigint  NOT NULL,
    addressees text    NOT NULL,      -- a JSON array
    history    text,                  -- a JSON array
    PRIMARY KEY (message, part)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);

CREATE INDEX delivery_due    ON delivery (hop, due) WHERE due IS NOT NULL;
CREATE INDEX delivery_notice ON delivery (notice)   WHERE due IS NOT NULL;

-- Next hops for which something waits, and when the first of it is due: so that neither an open
-- breaker nor a crowd before one of them costs the others a look at every row.
CREATE TABLE hop (
    key text   COLLATE "C" PRIMARY KEY,
    due bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);

CREATE INDEX hop_due ON hop (due);

-- Send operations of the e-mail REST API.
CREATE TABLE operation (
    id                text    COLLATE "C" PRIMARY KEY, -- of a message, which may be gone
    resource          text    NOT NULL,
    started_at        bigint  NOT NULL,
    request           bytea   NOT NULL, -- SHA-256
    sender            text    NOT NULL,
    message_id        text    COLLATE "C" NOT NULL, -- '' when it is ours
    tracking_disabled boolean NOT NULL,
    error_code        text,           -- NULL: it succeeds
    error_message     text
);

CREATE INDEX operation_by_age ON operation (started_at);
CREATE INDEX operation_by_message_id ON operation (message_id) WHERE message_id <> '';

-- What became of mail, who is to be told, and whom nothing is sent to.
CREATE TABLE report (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       text   COLLATE "C" NOT NULL UNIQUE,
    type     text   NOT NULL,
    message  text   COLLATE "C" NOT NULL,  -- captured.id, which may be gone
    resource text   NOT NULL,
    subject  text   NOT NULL,
    at       bigint NOT NULL,
    data     text   NOT NULL          -- a JSON object
);

CREATE INDEX report_by_message ON report (message, number);

CREATE TABLE report_delivery (
    subscription text   COLLATE "C",
    report       bigint,              -- report.number
    published_at bigint NOT NULL,
    due          bigint NOT NULL,
    attempts     int    NOT NULL DEFAULT 0,
    last_at      bigint,              -- the last attempt
    outcome      text   NOT NULL DEFAULT '',
    dead         text   NOT NULL DEFAULT '',
    PRIMARY KEY (subscription, report)
);

CREATE INDEX report_delivery_due ON report_delivery (subscription, due) WHERE dead = '';
CREATE INDEX report_delivery_by_report ON report_delivery (report);

CREATE TABLE suppressed_period (
    address text   COLLATE "C" PRIMARY KEY,
    level   int    NOT NULL,
    since   bigint NOT NULL,
    until   bigint NOT NULL
);

-- The mailbox: what lists show of captured messages, and what searches compare.
CREATE TABLE mailbox (
    seq         bigint  PRIMARY KEY,  -- captured.seq
    received_at bigint  NOT NULL,
    size        bigint  NOT NULL,     -- with the trace fields
    is_read     boolean NOT NULL,
    attachments int     NOT NULL,
    inlines     int     NOT NULL,
    application text    COLLATE "C" NOT NULL,
    username    text    COLLATE "C" NOT NULL,
    lane        text    COLLATE "C" NOT NULL,
    tags        text[]  COLLATE "C" NOT NULL,
    keys        text[]  COLLATE "C" NOT NULL,
    sender      text    COLLATE "C" NOT NULL,  -- this and the following are folded
    recipients  text    COLLATE "C" NOT NULL,
    cc          text    COLLATE "C" NOT NULL,
    bcc         text    COLLATE "C" NOT NULL,
    reply_to    text    COLLATE "C" NOT NULL,
    subject     text    COLLATE "C" NOT NULL,
    message_id  text    COLLATE "C" NOT NULL
);

-- Apart, so that a search in headers reads no texts.
CREATE TABLE mailbox_contents (
    seq     bigint PRIMARY KEY,
    summary text   NOT NULL,          -- a JSON object
    words   text   COLLATE "C" NOT NULL        -- folded
);

-- captured: the seq of the newest message ever; reported, indexed: the cursors of the consumers;
-- segment: the newest segment ever.
INSERT INTO counter
VALUES ('captured', 0), ('epoch', 0), ('indexed', 0), ('reported', 0), ('segment', 0);
