"""Migrations: tables change while nodes of the release before use them.

A migration expands at once: it adds what programs that do not know it can do without, such as a
column with a default. What they would miss it takes away later, when it contracts: once no node is
left that does not know it. Such programs are refused from then on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from gatepost.errors import Unreadable
from gatepost.store.postgres.connections import Connection, is_conflict
from gatepost.store.postgres.statements import SQL

ATTEMPTS: Final = 30
"""How often tables are tried to be locked: somebody may read them for long, such as a backup."""
_BRIEFLY: Final = "SET LOCAL lock_timeout = '2s'"
"""The other nodes wait behind us."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A step to the next version of the tables; both are statements."""

    expand: str
    contract: str = ""
    """Empty: it takes nothing away."""


MIGRATIONS: Final[list[Migration]] = [
    Migration(Path(__file__).with_name(f"schema_{number}.sql").read_text(encoding="utf-8"))
    for number in (1, 2, 3, 4, 5, 6)
]
"""``MIGRATIONS[n]`` leads from version n to n + 1."""


def expand(connection: Connection, schema: str) -> None:
    """Create or migrate the tables; only one program at a time does so. Raises psycopg.Error, and
    Unreadable for those of a newer program that this one cannot use."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connection.transaction():
                _expand(connection, schema)
        except psycopg.Error as error:
            if not is_conflict(error) or attempt == ATTEMPTS:
                raise
        else:
            return


def _expand(connection: Connection, schema: str) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"gatepost {schema}",))
    exists = connection.execute(
        "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (schema,)
    ).fetchone()
    if not exists:  # whoever may not create one can use one that is there
        connection.execute(f"CREATE SCHEMA {schema}", prepare=False)
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration (number int PRIMARY KEY,"
        " at timestamptz NOT NULL DEFAULT now())",
        prepare=False,
    )
    version = _version(connection)
    if version >= len(MIGRATIONS):
        check_version(connection)
        return
    connection.execute(_BRIEFLY, prepare=False)
    for number, migration in enumerate(MIGRATIONS[version:], version + 1):
        connection.execute(migration.expand, prepare=False)
        connection.execute("INSERT INTO migration (number) VALUES (%s)", (number,))


def check_version(connection: Connection) -> None:
    """Raise Unreadable if the tables lack what this program needs, because a newer one has
    contracted them."""
    row = connection.execute(SQL["contracted"]).fetchone()
    needed = row[0] if row else 0
    if needed > len(MIGRATIONS):
        raise Unreadable(
            f"the store needs a program that knows version {needed} of its tables; this one knows "
            f"{len(MIGRATIONS)}"
        )


def contract(connection: Connection) -> list[int]:
    """Contract the migrations that all nodes know, in an open transaction; return which had been
    open, and are not any more. Raises psycopg.Error if a table cannot be locked now."""
    row = connection.execute(SQL["contracted"]).fetchone()
    done = row[0] if row else 0
    due = [number for number, each in enumerate(MIGRATIONS, 1) if each.contract and number > done]
    if not due:
        return []
    connection.execute(_BRIEFLY, prepare=False)
    connection.execute("LOCK TABLE node IN SHARE MODE", prepare=False)  # nobody begins meanwhile
    row = connection.execute(SQL["oldest_known"]).fetchone()
    oldest = row[0] if row else 0
    known = [number for number in due if number <= oldest]
    for number in known:
        connection.execute(MIGRATIONS[number - 1].contract, prepare=False)
        connection.execute(SQL["set_contracted"], (number,))
    return known


def _version(connection: Connection) -> int:
    row = connection.execute("SELECT coalesce(max(number), 0) FROM migration").fetchone()
    return row[0] if row else 0
