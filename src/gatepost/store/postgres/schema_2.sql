-- Several nodes.

ALTER TABLE node
    ADD COLUMN draining boolean     NOT NULL DEFAULT false,
    ADD COLUMN seen     timestamptz NOT NULL DEFAULT now(), -- of the last beat, for people
    ADD COLUMN status   text        NOT NULL DEFAULT '{}';  -- what it says of itself: a JSON object

-- Who lost the lease of a delivery by being fenced, when, and who leased it then.
ALTER TABLE delivery
    ADD COLUMN lost_by  text,
    ADD COLUMN lost_at  bigint,
    ADD COLUMN taken_by text;

-- The epoch of the node that writes to a segment.
ALTER TABLE segment ADD COLUMN node bigint;

-- What nodes ask each other. Nothing of it needs to survive.
CREATE UNLOGGED TABLE question (
    n         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch     bigint NOT NULL,        -- of the node that is asked
    operation text   NOT NULL,
    fields    text   NOT NULL,        -- a JSON object
    answer    text,                   -- a JSON object; NULL: there is none yet
    at        timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX question_open ON question (epoch) WHERE answer IS NULL;

-- Until when messages are reserved for a next hop with a rate.
CREATE TABLE rate (
    key  text   COLLATE "C" PRIMARY KEY,
    next bigint NOT NULL
) WITH (fillfactor = 10);

-- Logins and next hops that a node has found not to work.
CREATE TABLE pause (
    key   text   COLLATE "C" PRIMARY KEY,
    node  bigint NOT NULL,            -- the epoch of the node that found it
    until bigint NOT NULL,            -- by the clock of the database
    about text   NOT NULL             -- a JSON object
);

-- What is read again when it has changed.
INSERT INTO counter VALUES ('pauses', 0), ('records', 0);

-- Whose turn it is to do what only one node may do at a time.
CREATE TABLE turn (
    key    text   COLLATE "C" PRIMARY KEY,
    holder bigint NOT NULL,           -- an epoch
    until  bigint NOT NULL            -- by the clock of the database
) WITH (fillfactor = 10);

-- Refresh tokens that a provider has issued instead of configured ones; sealed by the nodes' key.
CREATE TABLE refresh_token (
    key    text  COLLATE "C" PRIMARY KEY,
    sealed bytea NOT NULL
);

-- Refused logins by the addresses of clients.
CREATE UNLOGGED TABLE failed_login (
    address  text   COLLATE "C" PRIMARY KEY,
    failures int    NOT NULL,
    last     timestamptz NOT NULL
) WITH (fillfactor = 50);
