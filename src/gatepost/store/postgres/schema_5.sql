-- Nodes of the release before, beside new ones.

-- When a migration has taken away what only programs needed that do not know it.
ALTER TABLE migration ADD COLUMN contracted timestamptz;

-- The version of the tables that a node knows; older programs know at least 2.
ALTER TABLE node ADD COLUMN schema int NOT NULL DEFAULT 2;
