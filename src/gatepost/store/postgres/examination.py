"""Examines a database before mail is trusted to it: what a commit there promises, and what should
be changed."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from gatepost.errors import Unreadable
from gatepost.store.postgres.connections import Connector, text_of
from gatepost.store.postgres.lease_times import SLOW, describe_slowness
from gatepost.store.postgres.session_settings import is_pooled, missing_settings
from gatepost.store.postgres.statements import SQL

CLOCKS: Final = 5.0
"""Seconds by which clocks may differ."""
VACUUM: Final[Mapping[str, float]] = {
    "autovacuum_vacuum_scale_factor": 0.02,
    "autovacuum_vacuum_threshold": 1000,
    "autovacuum_vacuum_cost_delay": 0,
}
"""The settings of the tables that change most; smaller ones are as good."""
BUSY_TABLES: Final = ("delivery", "hop", "message")
_NUMBER: Final = re.compile(r"(?:ANY|FIRST)? *(\d+) *\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found."""

    version: str
    """The server's."""
    promise: str
    """What mail that was accepted survives."""
    pooled: bool
    """Whether a pooler such as PgBouncer is in between."""
    warnings: tuple[str, ...]
    """What should be changed."""


def examine(connector: Connector, connections: int) -> Examination:
    """Examine the database, for a relay that opens so many connections. It is not changed.

    Raises Unreachable, and Unreadable.
    """
    connection = connector.connect(timeout=5.0, patience=10.0)
    try:
        with connection.cursor(row_factory=dict_row) as cursor:
            facts = cursor.execute(SQL["server_facts"]).fetchone() or {}
        now = time.time()
        options: dict[str, list[str]] = dict(connection.execute(SQL["table_options"]).fetchall())
        slow: dict[str, float] = {}
        if "node" in options:  # the relay has created the tables
            slow = dict(connection.execute(SQL["slow_nodes"], (SLOW * 1000,)).fetchall())
        pooled = is_pooled(connection)
        missing = missing_settings(connection, connector.schema) if pooled else []
    except psycopg.Error as error:
        raise Unreadable(f"the database cannot be examined: {text_of(error)}") from error
    finally:
        connection.close()
    warnings = [
        *_durability(facts),
        *_vacuum(facts, options),
        *_connections(facts, connections),
        *_pooler(missing),
        *_leases(slow),
        *_surroundings(facts, facts["clock"] - now),
    ]
    return Examination(facts["version"], promise_of(facts), pooled, tuple(warnings))


def promise_of(facts: Mapping[str, Any]) -> str:
    """Return what a commit survives, by the server's settings."""
    if facts["fsync"] != "on":
        return "accepted mail survives a crash of the database, but no power cut"
    if not facts["synchronous_standby_names"] or facts["synchronous_commit"] in ("local", "off"):
        return "accepted mail survives a power cut, but not the loss of the database's disk"
    number = standbys_needed(facts["synchronous_standby_names"])
    where = "on a standby, too" if number == 1 else f"on {number} standbys, too"
    if facts["synchronous_commit"] == "remote_write":
        return f"accepted mail survives the loss of the primary: it was received {where}"
    return f"accepted mail survives the loss of the primary: it is on disk {where}"


def standbys_needed(names: str) -> int:
    """Return how many standbys have to confirm a commit, by ``synchronous_standby_names``."""
    match = _NUMBER.match(names.strip())
    return int(match[1]) if match else 1


def _durability(facts: Mapping[str, Any]) -> Iterator[str]:
    for setting in ("fsync", "full_page_writes"):
        if facts[setting] != "on":
            yield f"{setting} is {facts[setting]}: a power cut may lose or damage mail"
    standbys, names = facts["standbys"], facts["synchronous_standby_names"]
    if not names and standbys:
        yield (
            "the standbys are asynchronous: a fail-over loses the last messages that were "
            "accepted (synchronous_standby_names)"
        )
    elif names and standbys < (needed := standbys_needed(names)):
        yield (
            f"{standbys} standbys are connected, and {needed} must confirm each commit: no mail "
            "is accepted"
        )
    elif names and standbys == needed:
        yield "no mail is accepted while a standby is away: use one more, with ANY"
    if names and facts["synchronous_commit"] == "local":
        yield "synchronous_commit is local: commits do not wait for the standbys"


def _vacuum(facts: Mapping[str, Any], options: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for setting in ("autovacuum", "track_counts"):
        if facts[setting] != "on":
            yield f"{setting} is {facts[setting]}: tables grow without limit"
    for table in BUSY_TABLES:
        if table not in options:
            continue  # the relay has not created it yet
        settings = dict(each.split("=", 1) for each in options[table])
        if settings.get("autovacuum_enabled", "true") not in ("true", "on"):
            yield f"autovacuum is off for {table} (ALTER TABLE {table} RESET (autovacuum_enabled))"
        wrong = [
            f"{name} = {value:g}"
            for name, value in VACUUM.items()
            if float(settings.get(name, "inf")) > value
        ]
        if wrong:
            remedy = f"ALTER TABLE {table} SET ({', '.join(wrong)})"
            yield f"autovacuum is too rare for {table} ({remedy})"


def _connections(facts: Mapping[str, Any], needed: int) -> Iterator[str]:
    free = facts["places"] - facts["used"]
    if free < needed:
        yield f"the server has room for {free} more connections; this relay opens {needed}"
    limit = facts["role_limit"]
    if limit >= 0 and limit - facts["role_used"] < needed:
        left = limit - facts["role_used"]
        yield f"the user may open {left} more connections; this relay opens {needed}"


def _pooler(missing: Sequence[str]) -> Iterator[str]:
    if missing:
        remedy = "; ".join([f"ALTER ROLE CURRENT_USER SET {each}" for each in missing])
        yield (
            "a pooler is between the relay and the database: connect directly, let it pool "
            f"sessions, or give the user the settings that sessions need ({remedy})"
        )


def _leases(slow: Mapping[str, float]) -> Iterator[str]:
    for name, milliseconds in slow.items():
        yield f"node {name}: {describe_slowness(milliseconds / 1000)}"


def _surroundings(facts: Mapping[str, Any], clock: float) -> Iterator[str]:
    if abs(clock) > CLOCKS:
        yield f"the clocks of this machine and of the database differ by {abs(clock):.0f} seconds"
    if not facts["sees_others"]:
        yield (
            "the user cannot see who holds old snapshots, which make leases slow "
            "(GRANT pg_read_all_stats)"
        )
