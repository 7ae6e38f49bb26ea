"""``gatepost`` as a later release: it has a migration that this one does not know.

Deliveries get a priority, which this release does not write. That is why the migration may contract
only when no node of this release is left: then the column has no default any more.
"""

from typing import Final

from gatepost.store.postgres.migrations import MIGRATIONS, Migration
from gatepost.store.postgres.statements import SQL

MIGRATION: Final = Migration(
    "ALTER TABLE delivery ADD COLUMN priority int NOT NULL DEFAULT 0",
    "ALTER TABLE delivery ALTER COLUMN priority DROP DEFAULT",
)

if __name__ == "__main__":
    from gatepost.cli.main import main

    MIGRATIONS.append(MIGRATION)
    for name in ("insert_deliveries", "part"):
        statement = SQL[name].replace("(message, part, hop", "(priority, message, part, hop", 1)
        SQL[name] = statement.replace("SELECT message,", "SELECT 7, message,", 1)
    main()
