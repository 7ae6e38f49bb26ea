"""Shows that this node lives, watches whether the others do, and fences the dead."""

import json
import os
import selectors
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from gatepost.errors import QueueError
from gatepost.store.postgres.connections import Connection, is_lost
from gatepost.store.postgres.fenced_writer import FencedWriter
from gatepost.store.postgres.node import (
    Fenced,
    Node,
    Superseded,
    application_name,
    end_connections,
)
from gatepost.store.postgres.other_nodes import LOOK, Beat, OtherNodes
from gatepost.store.postgres.settings import PostgresSettings
from gatepost.store.postgres.statements import SQL
from gatepost.store.postgres.thread_connection import ThreadConnection

Status = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Watchers:
    """What is called in the thread of the beats."""

    on_renewal: Callable[[int], None]
    """With our new epoch, after others had taken us for dead."""
    on_lost: Callable[[], None]
    """Some node is gone, whose leases are to be given back."""
    on_older: Callable[[], None]
    """The database was replaced by an older copy, or has lost what it had committed."""
    on_time: Callable[[float], None]
    """With the time of the database, in seconds since 1970, after each beat."""
    on_look: Callable[[Connection, "Roster"], None]
    """After each look."""
    on_end: Callable[[Superseded], None]
    """There is no place for us any more."""


@dataclass(frozen=True, slots=True)
class Roster:
    """What a look at the nodes has shown."""

    names: dict[int, str]
    """The nodes by their epochs, ours included."""
    draining: frozenset[int]
    """The epochs of those that stop, and of commands."""
    versions: dict[str, int]
    """Of what is read again when it has changed."""


class Beats:
    """The rounds of a node: ``round`` is called each second by a thread, or by a test.

    ``status`` returns what the node says of itself, for the list of nodes.
    """

    def __init__(
        self,
        settings: PostgresSettings,
        node: Node,
        writer: FencedWriter,
        watchers: Watchers,
        status: Callable[[], Status],
    ) -> None:
        self._settings, self._node, self._writer = settings, node, writer
        self._session: ThreadConnection = writer.session
        self._watchers, self._status = watchers, status
        self._others = OtherNodes()
        self._beat_at = float("-inf")
        self._listening: Connection | None = None

    def round(self) -> float:
        """Do what is due; return the seconds to the next round."""
        try:
            connection = self._connection()
            if self._node.is_fenced:
                self._rejoin(connection)
            self._beat(connection)
            self._look(connection)
        except Superseded as error:
            self._watchers.on_end(error)
        except Fenced:
            self._node.is_fenced = True
            return 0.0
        except psycopg.Error as error:
            if is_lost(error):
                self._session.lose(error)
        except QueueError:
            pass  # whoever needs the database says that it is away
        return min(LOOK, self._settings.beat or LOOK)

    def _connection(self) -> Connection:
        """Return the connection, which hears what other nodes notify."""
        connection = self._session.connection()
        if connection is not self._listening:
            connection.add_notify_handler(_ignore)
            connection.execute(f"LISTEN gatepost_{self._settings.schema}", prepare=False)
            self._listening = connection
        return connection

    def _rejoin(self, connection: Connection) -> None:
        self._node.rejoin(connection, self._watchers.on_older)
        self._watchers.on_renewal(self._node.epoch)

    def _beat(self, connection: Connection) -> None:
        now = self._settings.clock()
        if now - self._beat_at < self._settings.beat:
            return
        with self._session.reach.writing():
            time = self._node.beat(connection, json.dumps(self._status()))
        if time is not None:
            self._watchers.on_time(time)
        self._beat_at = now

    def _look(self, connection: Connection) -> None:
        own, known_groups = self._node.committed
        with connection.pipeline():
            looking = connection.execute(SQL["look"], (self._settings.dead_after,))
            versions = connection.execute(SQL["versions"])
            has_lost = connection.execute(SQL["has_lost"])
            groups = connection.execute(SQL["groups"], (own,)).fetchone() or (0,)
        rows = looking.fetchall()
        names = {epoch: name for epoch, name, *_ in rows}
        beats = {
            epoch: Beat(beat, dead_after) for epoch, _, beat, dead_after, _ in rows if epoch != own
        }
        if own in names and groups[0] < known_groups:  # it may not know what we have settled
            self._watchers.on_older()
            raise Fenced("the database has lost what it had committed")
        dead = self._others.look(beats, self._settings.clock())
        if not self._settings.is_visitor and (  # which does not stay for as long as this may take
            self._try_fence_some(dead, names) or has_lost.fetchone() == (True,)
        ):
            self._watchers.on_lost()
        draining = frozenset([epoch for epoch, *_, is_draining in rows if is_draining])
        self._watchers.on_look(connection, Roster(names, draining, dict(versions.fetchall())))

    def _try_fence_some(self, dead: Iterable[tuple[int, Beat]], names: dict[int, str]) -> bool:
        """Fence nodes, and remove them from ``names``; tell whether one was fenced.

        The first one that somebody locks is the last for now, else we would show too late that we
        live. The next time, the others come first.
        """
        is_fenced = False
        for epoch, beat in dead:
            try:
                is_fenced |= self._try_fence(epoch, beat, names[epoch])
            except QueueError as error:
                if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                    raise
                self._others.spare(epoch, self._settings.clock())
                break
            del names[epoch]
        return is_fenced

    def _try_fence(self, epoch: int, beat: Beat, name: str) -> bool:
        """Fence a node; False if it lives after all."""
        is_blocked = False

        def try_delete(connection: Connection) -> bool:
            nonlocal is_blocked
            if is_blocked:  # it was stopped in the middle of a transaction
                end_connections(connection, application_name(self._settings.schema, name))
            is_blocked = True
            connection.execute("SET LOCAL lock_timeout = '1s'", prepare=False)
            values = (epoch, beat.number, self._settings.now())
            return connection.execute(SQL["fence_node"], values).rowcount > 0

        return self._writer.change(try_delete, 1)


class BeatThread:
    """Calls ``round`` of Beats, which returns the seconds until the next call; sooner after
    ``wake``, and if the server has sent something on the connection."""

    def __init__(
        self,
        round: Callable[[], float],
        session: ThreadConnection,
        on_fault: Callable[[Exception], None],
    ) -> None:
        self._round, self._session, self._on_fault = round, session, on_fault
        self._is_stopping = self._has_stopped = False
        self._lock = threading.Lock()
        self._waking, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        self._thread = threading.Thread(target=self._run, name="gatepost-beats", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Let the next round be now. For any thread."""
        with self._lock, suppress(OSError):  # it was woken often
            if not self._has_stopped:
                os.write(self._wakes, b"!")

    def stop(self) -> None:
        """End the thread."""
        self._is_stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._has_stopped = True
            os.close(self._waking)
            os.close(self._wakes)

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._wait(self._round())
            except Exception as error:  # noqa: BLE001 - a node without beats would be fenced
                self._on_fault(error)
                return

    def _wait(self, seconds: float) -> None:
        descriptors = self._session.descriptors()
        if os.name != "nt":  # there, only sockets can be waited for
            descriptors.append(self._waking)
        with selectors.DefaultSelector() as selector:
            for each in descriptors:
                selector.register(each, selectors.EVENT_READ)
            ready = [key.fd for key, _ in selector.select(seconds)]
        if self._waking in ready:
            os.read(self._waking, 4096)


def _ignore(_notification: psycopg.Notify) -> None:
    """Do nothing: the next round, which comes at once, looks for what is new."""
