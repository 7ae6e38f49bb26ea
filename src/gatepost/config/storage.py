"""The table ``storage``: where mail is stored, and how long."""

import re
from pathlib import Path
from typing import Any, Final

from gatepost.config import value_syntax as values
from gatepost.config.credentials import NOWHERE, secret
from gatepost.config.settings import DatabaseSettings, StorageSettings
from gatepost.config.table_reader import TableReader

KINDS: Final = ("sqlite", "postgres")
SCHEMA: Final = "gatepost"
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def read_storage(root: TableReader) -> StorageSettings:
    """Return the settings in the table, and the defaults of those that it lacks."""
    table, usual = root.table("storage"), StorageSettings()
    kind = table.decide("kind", values.one_of(KINDS), KINDS[0])
    read = StorageSettings(
        Path(table.take("directory", values.path, str(usual.directory))),
        table.take("free_space", values.size, usual.free_space),
        table.take("history", values.span, usual.history),
        table.take("history_messages", values.number(0), usual.history_messages),
        table.take("captured", values.span, usual.captured),
        database=_database(table) if kind == "postgres" else None,
    )
    if kind != "postgres" and not table.is_mistaken("kind"):
        table.turn_away(("url", "schema", "node"), 'needs kind = "postgres"')
    table.finish()
    return read


def _database(table: TableReader) -> DatabaseSettings:
    return DatabaseSettings(
        table.need("url", secret, NOWHERE),
        table.take("schema", _schema, SCHEMA),
        table.take("node", values.name, "") if table.has("node") else "",
    )


def _schema(value: Any) -> str:
    """Return the name of a schema, which needs no quotes."""
    if isinstance(value, str) and _SCHEMA.fullmatch(value):
        return value
    raise ValueError("must be a name of small letters, digits and underscores")
