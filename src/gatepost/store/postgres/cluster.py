"""This node among the others, for event loops."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from gatepost.errors import QueueError
from gatepost.model.delivery import Lease
from gatepost.queue.cluster_contract import ClusterEvents, NodeState, NodeStatus, SharedPause
from gatepost.store.postgres.beats import Roster
from gatepost.store.postgres.changes import DatabaseChanges
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.lease_times import LeaseTimes, describe_slowness
from gatepost.store.postgres.node import SURE, Node
from gatepost.store.postgres.questions import NodeQuestions, open_questions
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.settings import PostgresSettings
from gatepost.store.postgres.statements import SQL
from gatepost.store.postgres.turns import NodeTurns
from gatepost.store.stored_values import legible

MOST_AHEAD: Final = 60_000_000
EARLIER: Final = 64
"""Microseconds, and numbers of times, by which the next reserved time may be ahead: more means that
the clock of the database was put back."""


class PostgresCluster:
    """Implements ``queue.cluster_contract.Cluster``.

    ``change`` runs a function in a transaction, ``read`` one in a thread that reads.
    """

    def __init__(
        self,
        settings: PostgresSettings,
        node: Node,
        change: DatabaseChanges,
        read: Readers,
        times: LeaseTimes,
    ) -> None:
        self._times = times
        self._settings, self._node, self._change, self._read = settings, node, change, read
        self._loop: asyncio.AbstractEventLoop | None = None
        self._events: ClusterEvents | None = None
        self._was_drained = self._had_others = False
        self._renewed = 0
        """The newest epoch that followed because others had taken us for dead."""
        self._pauses_version = self._records_version = 0
        self._questions = NodeQuestions(node, change, read)
        self.ask, self.tell = self._questions.ask, self._questions.tell
        turns = NodeTurns(node, change, read)
        self.try_take_turn, self.end_turn = turns.try_take, turns.end
        self.load_token, self.save_token = turns.load_token, turns.save_token
        self.epochs: frozenset[int] = frozenset()
        """Those of all nodes, as seen last."""
        self.facts: Callable[[], Mapping[str, Any]] = dict
        """Returns what our relay says of itself."""
        self._working: frozenset[int] = frozenset()
        """Without those that stop."""

    @property
    def warning(self) -> str:
        """See ``Cluster``."""
        slowness = self._times.slowness
        return describe_slowness(slowness) if slowness else ""

    @property
    def name(self) -> str:
        """See ``Cluster``."""
        return self._node.name

    async def put_pause(self, pause: SharedPause) -> None:
        """See ``Cluster``."""
        await self._change(_put_pause, self._node.epoch, pause)
        await self._change(_notify)

    async def end_pause(self, key: str) -> None:
        """See ``Cluster``."""
        await self._change(_end_pause, key)
        await self._change(_notify)

    async def count_failure(self, address: str, forgotten: float) -> int:
        """See ``Cluster``."""
        return await self._change(_count_failure, address, forgotten)

    async def announce_records(self) -> None:
        """Return when the other nodes have read the records again, or after a while: then they do
        so at their next look."""
        with suppress(QueueError):
            await self.tell("records", {})

    @property
    def is_keeper(self) -> bool:
        """Whether the upkeep is ours: that of the node that has been here longest. A command does
        not know how long mail is kept."""
        epoch = self._node.epoch
        is_first = epoch == min(self._working, default=epoch)
        return is_first and not self._settings.is_visitor

    @property
    def place(self) -> tuple[int, int]:
        """See ``Cluster``."""
        epochs = self._working | {self._node.epoch}
        return sorted(epochs).index(self._node.epoch), len(epochs)

    async def reserve(self, key: str, number: int, step: float) -> float:
        """See ``Cluster``."""
        return await self._change(_reserve, key, number, round(step * 1_000_000)) / 1_000_000

    def may_attempt(self, lease: Lease) -> bool:
        """See ``Cluster``."""
        return lease.epoch == self._node.epoch and self._node.is_sure

    def follow(self, events: ClusterEvents) -> None:
        """See ``Cluster``."""
        self._loop, self._events = asyncio.get_running_loop(), events
        if self._renewed == self._node.epoch:  # nobody has heard of it
            self._call(events.on_renewal, self._renewed)

    def describe(self, facts: Callable[[], Mapping[str, Any]]) -> None:
        """See ``Cluster``."""
        self.facts = facts

    async def nodes(self) -> Sequence[NodeStatus]:
        """See ``Cluster``."""
        rows = await self._read(lambda each: each.execute(SQL["nodes"]).fetchall())
        return [self._status(row) for row in rows]

    async def try_drain(self, name: str) -> bool:
        """See ``Cluster``."""
        is_known = bool(await self._change(_drain, name))
        if is_known and name == self._node.name:
            self._node.is_draining = True  # and stays so if others take us for dead
        return is_known

    def _status(self, row: tuple[Any, ...]) -> NodeStatus:
        epoch, name, program, is_draining, facts, seen, dead_after, leases = row
        state: NodeState = "live"
        if seen > (dead_after or self._settings.dead_after) * SURE:
            state = "silent"
        elif is_draining:
            state = "draining"
        is_own = epoch == self._node.epoch
        return NodeStatus(name, epoch, program, state, leases, seen, json.loads(facts), is_own)

    def _pause(self, row: tuple[Any, ...]) -> SharedPause:
        key, epoch, left, about = row
        is_own = epoch == self._node.epoch
        return SharedPause(key, left / 1_000_000, **json.loads(about), is_own=is_own)

    def note_look(self, connection: Connection, roster: Roster) -> None:
        """Note what a look has shown; called in the thread of the beats."""
        self.epochs = frozenset(roster.names)
        self._working = self.epochs - roster.draining
        if self._node.epoch in roster.draining and not self._settings.is_visitor:
            self._node.is_draining = True
        if self._node.is_draining and not self._was_drained and self._events is not None:
            self._was_drained = True
            self._call(self._events.on_drain)
        had_others, self._had_others = self._had_others, len(roster.names) > 1
        if self._events is None or not (had_others or self._had_others):
            return
        if (version := roster.versions["records"]) != self._records_version:
            self._records_version = version
            self._call(self._events.on_records)
        if (version := roster.versions["pauses"]) != self._pauses_version:
            rows = connection.execute(SQL["pauses"]).fetchall()
            self._pauses_version = version
            self._call(self._events.on_pauses, [self._pause(row) for row in rows])
        if questions := open_questions(connection, self._node.epoch):
            self._call(self._questions.answer, questions, self._events.answer)

    def announce_renewal(self, epoch: int) -> None:
        """Tell our relay that its leases are lost, because others took us for dead."""
        self._renewed = epoch
        if self._events is not None:
            self._call(self._events.on_renewal, epoch)

    def announce_takeover(self, name: str, leases: int) -> None:
        """Tell our relay that a node was fenced, and how many leases it had. For any thread."""
        if self._events is not None:
            self._call(self._events.on_takeover, name, leases)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)


def _drain(connection: Connection, name: str) -> int:
    return connection.execute(SQL["drain"], (name,)).rowcount


def _reserve(connection: Connection, key: str, number: int, step: int) -> int:
    span = number * step
    values = (legible(key), span, span, MOST_AHEAD + EARLIER * step, span, span)
    row = connection.execute(SQL["reserve"], values).fetchone()
    assert row is not None  # noqa: S101 - it was inserted or updated
    return int(row[0])


def _put_pause(connection: Connection, epoch: int, pause: SharedPause) -> None:
    about = {
        "reason": pause.reason, "needs_operator": pause.needs_operator,
        "finding": pause.finding, "advice": pause.advice,
    }  # fmt: skip
    left = round(pause.seconds * 1_000_000)
    connection.execute(SQL["raise_version"], ("pauses",))
    connection.execute(SQL["put_pause"], (legible(pause.key), epoch, left, json.dumps(about)))


def _end_pause(connection: Connection, key: str) -> None:
    connection.execute(SQL["raise_version"], ("pauses",))
    connection.execute(SQL["end_pause"], (legible(key),))


def _count_failure(connection: Connection, address: str, forgotten: float) -> int:
    row = connection.execute(SQL["count_failure"], (legible(address), forgotten)).fetchone()
    assert row is not None  # noqa: S101 - it was inserted or updated
    return int(row[0])


def _notify(connection: Connection) -> None:
    """Let all nodes look now; in a transaction of its own, because it locks the whole server."""
    connection.execute(SQL["notify"])
