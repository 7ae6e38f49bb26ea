"""The thread that changes everything except the queue's new mail and settlements: captured mail in
groups, every other change in a transaction of its own, in the order in which they came."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg

from gatepost.errors import QueueError, Unconfirmed
from gatepost.model.delivery import Lease
from gatepost.store.future_results import report_results
from gatepost.store.postgres.connections import Connection, error_of
from gatepost.store.postgres.fenced_writer import FencedWriter, WriteAttempt
from gatepost.store.postgres.message_inserter import MessageInserter
from gatepost.store.postgres.new_messages import NewMessage

P = ParamSpec("P")
T = TypeVar("T")
TakeLeases = Callable[[Connection], Sequence[Lease]]
ConfirmLeases = Callable[[Connection, Sequence[Lease]], Sequence[Lease]]


@dataclass(frozen=True, slots=True, eq=False)
class DatabaseChange:
    """A change; ``run`` returns its result."""

    future: asyncio.Future[Any] | None
    """None: nobody waits for it."""
    run: Callable[[FencedWriter], Any]


Job = NewMessage | DatabaseChange


class ChangeThread:
    """The work of the thread."""

    def __init__(self, writer: FencedWriter, intake: MessageInserter) -> None:
        self._writer, self._intake = writer, intake

    def work(self, jobs: Sequence[Job]) -> None:
        """Do what was given, and report the results."""
        for some in _kinds(jobs):
            puts = [each for each in some if isinstance(each, NewMessage)]
            if puts:
                self._intake.write(puts)
            for each in some:
                if isinstance(each, DatabaseChange):
                    result = self._result_of(each)
                    if each.future is not None:
                        report_results([(each.future, result)])

    def _result_of(self, change: DatabaseChange) -> Any:
        try:
            return change.run(self._writer)
        except psycopg.Error as error:
            return error_of(error)
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            return error


class DatabaseChanges:
    """Runs functions in transactions of the thread, which gets them by ``give``.

    If the result of a COMMIT is lost, a function runs again: it must be one that may.
    """

    def __init__(
        self, give: Callable[[Job], None], refused: Callable[[], QueueError | None]
    ) -> None:
        self._give, self._refused = give, refused
        self._unconfirmed: list[Lease] = []
        """Those that a transaction whose result was not known has taken, perhaps."""

    async def __call__(
        self, apply: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what ``apply`` returned, once it is durable."""
        return await self._run(
            lambda writer: writer.change(lambda each: apply(each, *args, **kwargs))
        )

    async def take(self, take: TakeLeases, confirm: ConfirmLeases) -> Sequence[Lease]:
        """Return leases once they are durable. If the result of the COMMIT is lost, ``confirm``
        tells which of them are ours."""
        return await self._run(lambda each: _take_leases(each, take, confirm, self._unconfirmed))

    async def _run(self, run: Callable[[FencedWriter], T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if refused := self._refused():
            raise refused
        self._give(DatabaseChange(future, run))
        return await future


def _take_leases(
    writer: FencedWriter, take: TakeLeases, confirm: ConfirmLeases, unconfirmed: list[Lease]
) -> Sequence[Lease]:
    """Return leases; first those of an earlier call that are ours, although it has not said so."""
    taken: Sequence[Lease] = tuple(unconfirmed)

    def attempt(transaction: WriteAttempt) -> Sequence[Lease]:
        nonlocal taken
        connection = transaction.connection
        with connection.pipeline():
            transaction.begin()
        ours = confirm(connection, taken) if taken else ()
        taken = ours or take(connection)
        transaction.commit()
        transaction.check()
        return taken

    try:
        leases = writer.persist(attempt)
    except Unconfirmed:
        unconfirmed[:] = taken
        raise
    unconfirmed.clear()
    return leases


def _kinds(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """Divide jobs into messages and changes that follow each other."""
    for _, some in groupby(jobs, key=type):
        yield list(some)
