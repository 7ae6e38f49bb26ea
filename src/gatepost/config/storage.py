"""The tables ``storage`` and ``cluster``: where mail is stored, how long, and by which nodes."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from gatepost.config import value_syntax as values
from gatepost.config.credentials import NOWHERE, secret
from gatepost.config.settings import DatabaseSettings, StorageSettings
from gatepost.config.table_reader import TableReader

KINDS: Final = ("sqlite", "postgres")
SCHEMA: Final = "gatepost"
MISSED: Final = 3
"""Beats that a node may miss until it is taken for dead, at least."""
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_NODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


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
        database=_database(table, root.table("cluster")) if kind == "postgres" else None,
    )
    if kind != "postgres" and not table.is_mistaken("kind"):
        table.turn_away(("url", "schema"), 'needs kind = "postgres"')
        if root.has("cluster"):
            root.table("cluster").fault(None, '[cluster] needs storage.kind = "postgres"')
    table.finish()
    return read


def _database(table: TableReader, cluster: TableReader) -> DatabaseSettings:
    read = DatabaseSettings(
        table.need("url", secret, NOWHERE),
        table.take("schema", _schema, SCHEMA),
        cluster.take("node", node_name, "") if cluster.has("node") else "",
        cluster.take("beat", _beat, timedelta(seconds=5)),
        cluster.take("dead_after", _beat, timedelta(seconds=15)),
    )
    if read.dead_after < MISSED * read.beat:
        cluster.fault("dead_after", f"cluster.dead_after must be at least {MISSED} beats")
    cluster.finish()
    return read


def node_name(value: Any) -> str:
    """Return the name of a node, such as that of a machine."""
    if isinstance(value, str) and _NODE.fullmatch(value):
        return value
    raise ValueError("must be a name of at most 63 letters, digits, dots, underscores and hyphens")


def _beat(value: Any) -> timedelta:
    """Return a time of whole beats: rounds come once a second."""
    read = values.positive_span(value)
    if timedelta(seconds=1) <= read <= timedelta(minutes=10):
        return read
    raise ValueError("must be between one second and ten minutes")


def _schema(value: Any) -> str:
    """Return the name of a schema, which needs no quotes."""
    if isinstance(value, str) and _SCHEMA.fullmatch(value):
        return value
    raise ValueError("must be a name of small letters, digits and underscores")
