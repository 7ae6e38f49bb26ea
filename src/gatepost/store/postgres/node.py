"""The owner of the store: a row for each start, which others delete to fence it."""

import importlib.metadata
import time
from typing import Final

from gatepost.errors import QueueError, Unreadable
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.statements import SQL

BEAT: Final = 5.0
"""Seconds between two beats of an owner."""
DEAD: Final = 30.0
"""Seconds without a beat after which an owner is taken for dead, by the clock of who waits."""
_LOOK: Final = 1.0
"""Seconds between two looks at the beat of another owner."""


class Fenced(QueueError):
    """Another owner has taken the store."""


class StoreInUse(Unreadable):
    """Another owner uses the store, and lives."""


class Node:
    """Our ownership. ``epoch`` is 0 before ``register``; ``writers`` connections may write."""

    def __init__(self, name: str, writers: int) -> None:
        self.name, self._writers = name, writers
        self.epoch = 0

    def fence(self, connection: Connection, writer: int) -> int:
        """Let a transaction fail, with a division by zero, unless we are the owner; return the
        epoch that was used. ``writer`` is the number of the connection."""
        epoch = self.epoch
        connection.execute(SQL["fence"], (epoch, writer))
        return epoch

    def register(self, connection: Connection) -> None:
        """Become the owner, in a transaction of our own.

        An earlier owner with our name is fenced at once, because it is this one before it was
        started again; one with another name if it has no beat for DEAD seconds. Raises StoreInUse.
        """
        self._wait_for_death(connection)
        end_connections(connection)
        with connection.transaction():
            connection.execute(SQL["fence_others"])
            self.renew(connection)

    def renew(self, connection: Connection) -> int:
        """Begin a new epoch, in an open transaction; return it. What the last one had leased is
        leased to nobody."""
        epoch = next_epoch(connection)
        connection.execute(SQL["delete_node"], (self.epoch,))
        connection.execute(SQL["insert_node"], (epoch, self.name, _program()))
        connection.execute(SQL["insert_writers"], (epoch, self._writers))
        self.epoch = epoch
        return epoch

    def beat(self, connection: Connection) -> None:
        """Show that we live. Raises Fenced if we are the owner no more."""
        epoch = self.epoch
        found = connection.execute(SQL["beat"], (epoch,)).rowcount
        if not found and epoch == self.epoch:
            raise Fenced("another relay has taken over the store")

    def leave(self, connection: Connection) -> None:
        """Be the owner no more."""
        connection.execute(SQL["delete_node"], (self.epoch,))

    def _wait_for_death(self, connection: Connection) -> None:
        deadline = time.monotonic() + DEAD
        first = beats = self._beats_of_others(connection)
        while beats:
            alive = [name for name, beat in beats.items() if first.get(name) != beat]
            if alive:
                raise StoreInUse(f"the store is in use by {alive[0]}")
            if time.monotonic() > deadline:
                return
            time.sleep(_LOOK)
            beats = self._beats_of_others(connection)

    def _beats_of_others(self, connection: Connection) -> dict[str, int]:
        return dict(connection.execute(SQL["others"], (self.name,)).fetchall())


def next_epoch(connection: Connection) -> int:
    """Return a number that was never returned before.

    It is at least the number of seconds since 2026, so that it does not come again even if the
    database is replaced by an older copy.
    """
    row = connection.execute(SQL["next_epoch"]).fetchone()
    assert row is not None  # noqa: S101 - the schema has it
    return int(row[0])


def end_connections(connection: Connection) -> None:
    """End the other connections of our name: those of a process that was killed, or is stopped,
    would hold locks."""
    connection.execute(SQL["end_connections"])


def _program() -> str:
    return importlib.metadata.version("gatepost")
