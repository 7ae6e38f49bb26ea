"""What the groups of the store consist of: messages to insert, and other writes."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from gatepost.model.message import Submission
from gatepost.store.sqlite.queries import INSERT_BODY, INSERT_MESSAGE, message_row
from gatepost.store.sqlite.segments import BodyPlace, inline_body

PAGE: Final = 4096


@dataclass(slots=True)
class Ledger:
    """The counters of the store; a transaction uses a copy until it is committed."""

    seq: int
    """Number of the newest message ever."""
    messages: int
    octets: int
    queued: int = 0
    """Number of the newest message in the queue; an uncommitted one leaves no gap."""
    pages: int = 0
    """Estimated number of pages of WAL since the last checkpoint."""

    def copy(self) -> "Ledger":
        """Return a copy; ``replace`` takes ten times as long."""
        return Ledger(self.seq, self.messages, self.octets, self.queued, self.pages)


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction, in which a Change writes."""

    connection: sqlite3.Connection
    ledger: Ledger


P = ParamSpec("P")
T = TypeVar("T")


class RunChange(Protocol):
    """Writes in the next group; returns what ``apply`` returned, once it is durable."""

    async def __call__(
        self, apply: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T: ...


ExtraWrite = Callable[[Transaction], None]
"""Writes what belongs to a message, in the same transaction."""


@dataclass(slots=True, eq=False)
class WaitedWrite:
    """A write whose caller waits for the result."""

    future: asyncio.Future[Any]

    @staticmethod
    def write_all(transaction: Transaction, some: Sequence[Any]) -> Sequence[Any]:
        """Write several operations of this kind at once; return the result of each."""
        raise NotImplementedError


@dataclass(slots=True, eq=False)
class Put(WaitedWrite):
    """A message to insert; ``place`` is set if its body is in a segment."""

    submission: Submission
    place: BodyPlace | None = None
    beside: ExtraWrite | None = None

    @staticmethod
    def write_all(transaction: Transaction, some: Sequence[Any]) -> Sequence[Any]:
        _insert(transaction, some)
        return (None,) * len(some)


@dataclass(slots=True, eq=False)
class Change(WaitedWrite):
    """Any other write."""

    apply: Callable[[Transaction], Any]

    @staticmethod
    def write_all(transaction: Transaction, some: Sequence[Any]) -> Sequence[Any]:
        return [each.apply(transaction) for each in some]


@dataclass(slots=True, eq=False)
class UpkeepWrite:
    """A write of the store's own upkeep; ``then`` runs in the store thread after the commit."""

    apply: Callable[[Transaction], Any]
    then: Callable[[Any], None]
    write_all = staticmethod(Change.write_all)


Operation = WaitedWrite | UpkeepWrite
OperationResult = tuple[Operation, Any]
"""An operation and its result, which may be the exception to raise."""


def _insert(transaction: Transaction, puts: Sequence[Put]) -> None:
    """Insert messages, and the bodies that are not in segments."""
    ledger, connection = transaction.ledger, transaction.connection
    seq, octets = ledger.seq, 0
    rows, bodies = [], []
    for put in puts:
        seq += 1
        submission, place = put.submission, put.place
        if place is None:
            place, content = inline_body(submission)
            bodies.append((seq, content))
            ledger.pages += 1 + len(content) // PAGE
        octets += place.size
        rows.append(message_row(seq, submission, place))
    connection.executemany(INSERT_MESSAGE, rows)
    connection.executemany(INSERT_BODY, bodies)
    for put in puts:
        if put.beside is not None:
            put.beside(transaction)
    ledger.seq, ledger.octets, ledger.messages = (
        seq, ledger.octets + octets, ledger.messages + len(rows),
    )  # fmt: skip
