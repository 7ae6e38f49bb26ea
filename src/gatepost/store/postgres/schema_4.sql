-- What is known of mail that providers report about, and of their reports.
CREATE TABLE note (
    n     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order in which they were written
    scope text   COLLATE "C" NOT NULL,
    key   text   COLLATE "C" NOT NULL,
    value text   NOT NULL,
    until bigint NOT NULL,
    UNIQUE (scope, key)
);

CREATE INDEX note_by_end ON note (until);
