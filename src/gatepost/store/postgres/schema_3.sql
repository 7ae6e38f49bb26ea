-- What a node promises, and nodes that are gone.

ALTER TABLE node
    ADD COLUMN dead_after float8,     -- seconds without a beat after which others may take it for
                                      -- dead: it stops before; NULL: an older program
    ADD COLUMN is_visitor boolean NOT NULL DEFAULT false; -- a command

-- Nodes whose leases are still to be given back.
CREATE TABLE lost_node (
    epoch      bigint  PRIMARY KEY,   -- 0: of all that are gone without a trace
    name       text    NOT NULL,
    was_fenced boolean NOT NULL,      -- by others
    at         bigint  NOT NULL,
    page       bigint  NOT NULL DEFAULT 0, -- of the table delivery, up to which it was done
    leases     bigint  NOT NULL DEFAULT 0  -- how many were found
);
