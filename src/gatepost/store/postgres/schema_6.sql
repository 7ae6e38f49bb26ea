-- Where a node runs, and since when: for another start with its name. NULL: an older program.

ALTER TABLE node
    ADD COLUMN host      text,        -- the name of its machine, for people
    ADD COLUMN directory text,        -- for people, too
    ADD COLUMN place     text,        -- the same directory of the same machine, until that stops
    ADD COLUMN started   bigint;      -- when, by its clock
