"""An earlier start with the name of a node, whose place it may take only if that one is gone.

Two relays with one name, as after a copied configuration, would otherwise end each other in turn.
"""

import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Final

from gatepost.errors import Unreadable
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.other_nodes import LOOK, Beat, OtherNodes
from gatepost.store.postgres.settings import PostgresSettings
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import legible, read_time

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class NameTaken(Unreadable):
    """Another relay with the name of this node lives."""


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where a node runs: the name of the machine, and the directory that it has locked."""

    host: str
    directory: str
    key: str
    """No other directory has it, on any machine that runs; empty: unknown."""


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The row that may be removed: that of an epoch, with this ``beat`` unless that is None."""

    epoch: int
    beat: int | None = None


def place_of(directory: Path) -> NodePlace:
    """Return the place of a node with a directory. Raises OSError."""
    host, found = platform.node(), directory.stat()
    machine = host
    with suppress(OSError):  # containers may share a name, and do not share directories
        machine = _BOOT.read_text(encoding="ascii").strip()
    key = f"{machine} {found.st_dev}:{found.st_ino}"
    return NodePlace(legible(host), legible(str(directory)), legible(key))


def find_predecessor(
    connection: Connection, name: str, place: NodePlace, settings: PostgresSettings
) -> Predecessor | None:
    """Return the earlier start with a name that is gone, or None if there is none.

    A process that had the directory which we have locked has ended, and a command has leased
    nothing. Any other relay is watched for as long as it may be silent, by our clock. Raises
    NameTaken if it shows meanwhile that it lives.
    """
    others, first = OtherNodes(), None
    while True:
        values = settings.dead_after, name
        row = connection.execute(SQL["holder"], values).fetchone()
        if row is None:
            return None
        epoch, beat, dead_after, is_visitor, host, directory, key, started = row
        if settings.is_visitor or is_visitor or key == place.key:
            return Predecessor(epoch)
        first = first or (epoch, beat)
        if first != (epoch, beat):
            raise NameTaken(_describe(name, host, directory, started))
        if others.look({epoch: Beat(beat, dead_after)}, settings.clock()):
            return Predecessor(epoch, beat)
        sleep(LOOK)


def _describe(name: str, host: str | None, directory: str | None, started: int | None) -> str:
    where = f" on {host!r}, in {directory!r}" if host else ""
    since = "" if started is None else f", since {read_time(started):%Y-%m-%d %H:%M:%S} UTC"
    return (
        f"the node {name} runs already{where}{since}: give each relay a name of its own "
        "(cluster.node, gatepost serve --node), or stop that one"
    )
