"""Settlements in groups: what attempts did to deliveries, and the mail that results from it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from gatepost.errors import QueueError
from gatepost.model.delivery import Delivery, Lease, Settlement
from gatepost.queue.delivery_changes import lease_lost, parted, settled
from gatepost.store.batched_actions import Key
from gatepost.store.delivery_json import write_addressees, write_history
from gatepost.store.future_results import report_results
from gatepost.store.postgres.arrays import flags, numbers, texts
from gatepost.store.postgres.connections import Connection, error_of
from gatepost.store.postgres.fenced_writer import FencedWriter, WriteAttempt
from gatepost.store.postgres.new_messages import (
    NewMessage,
    QueueTable,
    check_planned,
    insert_group_again,
    lower_hops,
)
from gatepost.store.postgres.notes import put_notes
from gatepost.store.postgres.queue_writer import finish_messages
from gatepost.store.postgres.reports import record_reports
from gatepost.store.postgres.segments import SegmentTables
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import microseconds

GROUP: Final = 64
"""Maximum number of settlements in a transaction."""
_QUEUE: Final = QueueTable()


@dataclass(slots=True, eq=False)
class SettlementJob:
    """What an attempt settles; its result is None, or an exception."""

    future: asyncio.Future[None]
    lease: Lease
    settlement: Settlement
    now: int


@dataclass(frozen=True, slots=True)
class _Judged:
    """A settlement, the delivery as it is afterwards, without an operator's hold, and the mail that
    is accepted with it."""

    settle: SettlementJob
    after: Delivery
    mail: Sequence[NewMessage]

    @property
    def lease(self) -> Lease:
        """The lease that is settled."""
        return self.settle.lease


class SettlementWriter:
    """Writes settlements, in a thread of their own. ``next_key`` returns keys for new mail;
    ``count`` gets the number of those that were written."""

    def __init__(
        self,
        writer: FencedWriter,
        segments: SegmentTables,
        next_key: Callable[[], int],
        count: Callable[[int], None],
    ) -> None:
        self._writer, self._segments, self._next_key = writer, segments, next_key
        self._count = count

    def write(self, group: Sequence[SettlementJob]) -> None:
        """Write a group, and report the results."""
        judged: list[_Judged] = []
        for each in group:
            try:
                judged.append(self._judge(each))
            except (ValueError, QueueError) as error:
                report_results([(each.future, error)])
            except OSError as error:
                report_results([(each.future, QueueError(f"the body cannot be read: {error}"))])
        self._write(judged)

    def _judge(self, settle: SettlementJob) -> _Judged:
        after = settled(settle.lease.delivery, settle.settlement, held=False)
        puts = [
            NewMessage(None, each.submission, self._next_key(), planned=each.planned, leased=False)
            for each in settle.settlement.emits
        ]
        for put in puts:
            check_planned(put)
            put.read()
        return _Judged(settle, after, puts)

    def _write(self, some: Sequence[_Judged]) -> None:
        if not some:
            return
        results: Sequence[Exception | None]
        try:
            results = self._commit(some)
        except QueueError as error:
            results = [error] * len(some)
        except Exception as error:  # noqa: BLE001 - what the server refuses concerns one of them
            if len(some) > 1:
                middle = len(some) // 2
                self._write(some[:middle])
                self._write(some[middle:])
                return
            results = [error_of(error)]
        self._count(results.count(None))
        futures = [each.settle.future for each in some]
        report_results(zip(futures, results, strict=True))

    def _commit(self, some: Sequence[_Judged]) -> Sequence[Exception | None]:
        octets = sum(len(put.content) for each in some for put in each.mail)
        if not any(each.mail for each in some):
            return self._writer.persist(lambda attempt: _settle(attempt, some, 0))
        with self._segments.writing(self._writer.change, "queued", octets) as segment:
            try:
                return self._writer.persist(lambda attempt: _settle(attempt, some, segment))
            except psycopg.errors.UndefinedTable:
                self._segments.forget(segment)
                raise


def _settle(
    transaction: WriteAttempt, some: Sequence[_Judged], segment: int
) -> Sequence[Exception | None]:
    """Settle; return the LeaseLost to be raised."""
    connection = transaction.connection
    with connection.pipeline():
        transaction.begin()
        cursor = connection.execute(SQL["settle"], _columns(some))
    places = {(message, part, token): (hop, due) for message, part, token, hop, due in cursor}
    find_lost = _lost_leases(transaction, [each for each in some if _key(each) not in places])
    results: list[Exception | None] = []
    done: list[_Judged] = []
    hops: list[tuple[str, int | None]] = []
    for each in some:
        place = places.pop(_key(each), None)  # a lease that comes twice is settled once
        if place is None:
            results.append(find_lost(each.lease))
            continue
        results.append(None)
        done.append(each)
        hops += _move(connection, each, *place)
    lower_hops(connection, [(hop, due) for hop, due in hops if due is not None])
    if mail := [put for each in done for put in each.mail]:  # after a crash it may exist already
        insert_group_again(_QUEUE, connection, mail, segment, 0)
    reports = [report for each in done for report in each.settle.settlement.reports]
    suppressed = [period for each in done for period in each.settle.settlement.suppressed]
    if reports or suppressed:
        record_reports(connection, reports, suppressed)
    if notes := [note for each in done for note in each.settle.settlement.notes]:
        put_notes(connection, notes)
    over = [each for each in done if each.after.state == "settled"]
    finish_messages(connection, [(each.lease.key[0], each.settle.now) for each in over])
    transaction.commit()
    transaction.check()
    return results


def _key(judged: _Judged) -> tuple[int, int, int]:
    return (*judged.lease.key, judged.lease.token)


def _columns(some: Sequence[_Judged]) -> tuple[Any, ...]:
    """Return the arguments of ``settle``."""
    leases, after = [each.lease for each in some], [each.after for each in some]
    return (
        numbers([each.key[0] for each in leases]),
        numbers([each.key[1] for each in leases]),
        numbers([each.epoch for each in leases]),
        numbers([each.token for each in leases]),
        numbers([None if each.due is None else microseconds(each.due) for each in after]),
        flags([each.state == "waiting" for each in after]),
        numbers([each.attempts for each in after]),
        flags([each.warned for each in after]),
        numbers([microseconds(each.notice_at) for each in after]),
        texts([write_addressees(each.addressees) for each in after]),
        texts([write_history(each.history, each.reroutes) for each in after]),
    )


def _move(
    connection: Connection, judged: _Judged, hop: str, due: int | None
) -> list[tuple[str, int | None]]:
    """Give the recipients that wait their new next hops, if there are any; return the next hops
    with the time at which something is due."""
    moved = judged.settle.settlement.moved
    if not moved:
        return [(hop, due)]
    first, *others = parted(judged.after, moved)
    key = judged.lease.key
    changes = [("move", first), *[("part", each) for each in others]]
    for statement, each in changes:
        values = (each.next_hop.key, write_addressees(each.addressees), *key)
        connection.execute(SQL[statement], values)
    return [(each.next_hop.key, due) for _, each in changes]


def _lost_leases(
    transaction: WriteAttempt, lost: Sequence[_Judged]
) -> Callable[[Lease], Exception | None]:
    """Return a function that tells why a lease could not be settled; None if it was, by an earlier
    attempt at this transaction."""
    now: dict[Key, tuple[int, int | None]] = {}
    if lost:
        keys = [each.lease.key for each in lost]
        values = numbers([message for message, _ in keys]), numbers([part for _, part in keys])
        rows = transaction.connection.execute(SQL["leases_of"], values)
        now = {(message, part): (token, node) for message, part, token, node in rows}

    def find(lease: Lease) -> Exception | None:
        token, node = now.get(lease.key, (0, None))
        if transaction.is_repeated and token == lease.token and node is None:
            return None
        return lease_lost(lease.delivery.id, is_leased=node is not None)

    return find
