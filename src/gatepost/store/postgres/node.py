"""A node: one relay of those that share the database. Each start has a row of its own, the epoch;
who deletes that row fences the node."""

import hashlib
import importlib.metadata
import os
import threading
from collections.abc import Callable
from typing import Final

import psycopg

from gatepost.errors import QueueError, Unreadable
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.migrations import MIGRATIONS, check_version
from gatepost.store.postgres.predecessor import NodePlace, Predecessor, find_predecessor
from gatepost.store.postgres.settings import PostgresSettings
from gatepost.store.postgres.statements import SQL

SURE: Final = 2 / 3
"""The part of ``dead_after`` for which a node is sure that others do not take it for dead."""
_LONGEST: Final = 63
"""The most characters of an application_name that PostgreSQL keeps."""


class Fenced(QueueError):
    """Others have taken over what we had."""


class Superseded(Fenced):
    """A newer start with our name did so: there is no place for us any more."""


class Node:
    """This relay among the nodes of the database. For any thread.

    ``epoch`` is 0 before ``register``; `writers` connections may write. ``place`` has a directory
    that is locked.
    """

    def __init__(
        self, name: str, place: NodePlace, settings: PostgresSettings, writers: int
    ) -> None:
        self.name, self._place, self._settings, self._writers = name, place, settings, writers
        self._started = settings.now()
        self.epoch = self.first_epoch = 0
        self._committed = 0
        """The newest that the database has had, for certain."""
        self._epochs: set[int] = set()
        """All that this object had, also those whose transaction may not have been committed."""
        self._lock = threading.Lock()
        self._groups = 0
        """Transactions of this epoch that were committed, for certain."""
        self._is_new = False
        """Nobody has taken over in this epoch."""
        self.is_draining = False
        """It stops, and says so in each epoch."""
        self.is_fenced = False
        """Others have what we had, until we have a new epoch."""
        self._last_beat = float("-inf")
        """When the last beat that succeeded began, by our clock."""

    @property
    def dead_after(self) -> float:
        """The seconds for which we may be silent."""
        return self._settings.dead_after

    @property
    def application(self) -> str:
        """The name by which the server lists our connections."""
        return application_name(self._settings.schema, self.name)

    @property
    def starting_application(self) -> str:
        """The name of our connection before we are a node: another start with our name may end
        those of its predecessor."""
        return application_name(self._settings.schema, f"{self.name} starts")

    @property
    def is_sure(self) -> bool:
        """Whether no other node can have taken us for dead: our last beat is not too old."""
        age = self._settings.clock() - self._last_beat
        return not self.is_fenced and age < self._settings.dead_after * SURE

    @property
    def committed(self) -> tuple[int, int]:
        """Our epoch, and how many of its transactions the database must at least have, if it has
        lost nothing."""
        with self._lock:
            return self.epoch, self._groups

    def note_group(self, epoch: int) -> None:
        """Count a transaction that was committed."""
        with self._lock:
            self._groups += epoch == self.epoch

    def fence(self, connection: Connection, writer: int) -> int:
        """Let a transaction fail, with a division by zero, unless we have our row; return the epoch
        that was used. ``writer`` is the number of the connection."""
        epoch = self.epoch
        connection.execute(SQL["fence"], (epoch, writer))
        return epoch

    def choose_name(self, connection: Connection) -> None:
        """Leave our name to a relay that has it, if we are a command."""
        if self._settings.is_visitor and self._is_taken(connection):
            self.name = f"{self.name}-{os.getpid()}"

    def register(self, connection: Connection) -> None:
        """Become a node, in a transaction of our own, and fence an earlier start with our name that
        is gone; that may take as long as it may be silent. The connection has another name than
        ours. Raises NameTaken if a relay with our name lives."""
        try:
            self._replace(connection)
        except psycopg.errors.UniqueViolation:  # another start with our name began just before us
            self._replace(connection)

    def _replace(self, connection: Connection) -> None:
        found = find_predecessor(connection, self.name, self._place, self._settings)
        if found is not None:
            end_connections(connection, self.application)
        self._register(connection, found)

    def _is_taken(self, connection: Connection) -> bool:
        """Tell whether a relay with our name has shown lately that it lives."""
        values = self.name, self._settings.dead_after
        row = connection.execute(SQL["has_relay"], values).fetchone()
        return row is not None and bool(row[0])

    def rejoin(self, connection: Connection, on_older: Callable[[], None]) -> None:
        """Become a node again after others took us for dead; call ``on_older`` if the database did
        not know our epoch, because it was replaced by an older copy. Raises Superseded if a newer
        start with our name has taken our place, or newer programs have changed the tables."""
        committed = self._committed
        holder, newest = connection.execute(SQL["epoch_of"], (self.name,)).fetchone() or (None, 0)
        # an older start is there again in an older copy
        if holder is not None and holder not in self._epochs and holder > self.epoch:
            raise Superseded(f"another relay with the name {self.name} has taken over")
        try:
            self._register(connection, None if holder is None else Predecessor(holder))
        except Unreadable as error:
            raise Superseded(str(error)) from error
        if newest < committed:
            on_older()

    def _register(self, connection: Connection, predecessor: Predecessor | None) -> None:
        with connection.transaction():
            self.renew(connection, self._settings.now(), predecessor)
        self._committed = self.epoch
        self.is_fenced = False
        self._is_new = True

    def take_over(self, connection: Connection, now: int) -> int:
        """Return our epoch if nobody has taken over in it; otherwise begin a new one, in an open
        transaction."""
        if not self._is_new:
            return self.renew(connection, now, Predecessor(self.epoch))
        self._is_new = False
        return self.epoch

    def renew(self, connection: Connection, now: int, predecessor: Predecessor | None) -> int:
        """Begin a new epoch, in an open transaction; return it. What an earlier one had leased is
        to be given back. Raises Unreadable if this program is too old for the tables, and
        UniqueViolation if somebody else has our name."""
        settings, begun = self._settings, self._settings.clock()
        epoch = next_epoch(connection, self.epoch)
        self._epochs.add(epoch)
        if predecessor is not None:
            values = (predecessor.epoch, predecessor.beat, now)
            connection.execute(SQL["remove_node"], values)
        is_visitor, is_draining = settings.is_visitor, settings.is_visitor or self.is_draining
        place = self._place
        us = (epoch, self.name, _program(), len(MIGRATIONS))
        where = (place.host, place.directory, place.key, self._started)
        says = (settings.dead_after, is_visitor, is_draining)
        connection.execute(SQL["insert_node"], (*us, *where, *says))
        check_version(connection)  # nobody contracts the tables from now on
        connection.execute(SQL["insert_writers"], (epoch, self._writers))
        if not is_visitor:
            connection.execute(SQL["look_for_orphans"], (now, epoch))
        with self._lock:
            self.epoch, self._last_beat, self._groups = epoch, begun, 0
        self.first_epoch = self.first_epoch or epoch
        return epoch

    def beat(self, connection: Connection, status: str) -> float | None:
        """Show that we live, and what we say of ourselves (JSON); return the time of the database,
        in seconds since 1970. Raises Fenced."""
        epoch, begun = self.epoch, self._settings.clock()
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off", prepare=False)
            row = connection.execute(SQL["beat"], (status, epoch)).fetchone()
        if row is not None:
            self._last_beat = begun
            return float(row[0])
        if epoch == self.epoch:
            raise Fenced("other nodes took this one for dead")
        return None

    def leave(self, connection: Connection) -> None:
        """Be a node no more; what is still leased is given back by others, or at the next start."""
        connection.execute(SQL["leave"], (self.epoch, self._settings.now()))


def next_epoch(connection: Connection, before: int = 0) -> int:
    """Return a number that was never returned before, and is greater than ``before``.

    It is at least the number of seconds since 2026, so that it does not come again even if the
    database is replaced by an older copy.
    """
    row = connection.execute(SQL["next_epoch"], (before,)).fetchone()
    assert row is not None  # noqa: S101 - the schema has it
    return int(row[0])


def end_connections(connection: Connection, application: str) -> None:
    """End the other connections with a name: those of a process that was killed, or is stopped,
    would hold locks."""
    connection.execute(SQL["end_connections"], (application,))


def application_name(schema: str, node: str) -> str:
    """Return the name by which the server lists the connections of a node; a different one for each
    node of each schema."""
    name = f"gatepost {schema} {node}"
    if name.isascii() and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"gatepost {digest}"


def _program() -> str:
    return importlib.metadata.version("gatepost")
