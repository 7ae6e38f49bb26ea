"""The schema of the database, version by version.

Read when the program starts, so that a process that has given up its rights since then, or whose
files were replaced by an update, can still open a store.
"""

from typing import Final

from gatepost.store.sqlite.queries import read_sql

VERSION: Final = 4
"""Version of the schema."""
MIGRATIONS: Final = tuple(read_sql(f"schema_{number}.sql") for number in range(1, VERSION + 1))
"""``MIGRATIONS[n]`` leads from version n to n + 1."""
APPLICATION: Final = 0x47505354
"""PRAGMA application_id of our files: ``GPST``."""
