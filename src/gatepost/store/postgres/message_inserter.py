"""Inserts accepted mail in groups: one pipeline and one COMMIT for each."""

import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import psycopg

from gatepost.errors import QueueError
from gatepost.model.units import MIB
from gatepost.store.postgres.arrays import numbers
from gatepost.store.postgres.connections import Connection, error_of
from gatepost.store.postgres.fenced_writer import FencedWriter, WriteAttempt
from gatepost.store.postgres.new_messages import (
    MessageTable,
    NewMessage,
    insert_group,
    insert_group_again,
)
from gatepost.store.postgres.node import Fenced
from gatepost.store.postgres.segments import ROW, SegmentTables, write_contents
from gatepost.store.postgres.statements import SQL

GROUP: Final = 256
"""Maximum number of messages in a transaction."""
OCTETS: Final = 4 * MIB
"""Octets after which a transaction gets no further message."""
LARGE: Final = 1 * MIB
"""Contents that are larger are written before, in transactions of their own."""
LOOK: Final = 5.0
"""Seconds between two attempts to take back what was not accepted."""

Report = Callable[[Sequence[tuple[NewMessage, Any]]], None]
"""Reports the results of messages; some may be the exception to raise."""


class MessageInserter:
    """Inserts messages into a table, for one thread."""

    def __init__(
        self, table: MessageTable, writer: FencedWriter, segments: SegmentTables, report: Report
    ) -> None:
        self._table, self._writer, self._segments = table, writer, segments
        self._report = report
        self._abandoned: deque[int] = deque()
        """Messages that may be in the queue, leased to us, although their clients got no 250."""

    def write(self, group: Sequence[NewMessage]) -> None:
        """Insert messages, and report the results."""
        octets = sum(each.submission.body.size for each in group)
        try:
            with self._segments.writing(self._writer.change, self._table.kind, octets) as segment:
                for some in _batches([each for each in group if self._can_read(each, segment)]):
                    self._write(some, segment)
        except QueueError as error:  # there is no segment
            self._report([(each, error) for each in group])

    def take_back(self) -> float:
        """Delete what was not accepted after all; return the seconds to the next attempt."""
        keys = list(self._abandoned)
        if keys:
            try:
                self._writer.change(lambda connection: _delete(connection, keys))
            except QueueError:
                return LOOK
            for key in keys:
                self._abandoned.remove(key)
        return LOOK

    def _can_read(self, put: NewMessage, segment: int) -> bool:
        """Read a content, and write most of a large one; if that fails, refuse its message."""
        try:
            if put.submission.body.size > LARGE:
                self._write_large(put, segment)
            else:
                put.read()
        except QueueError as error:
            if isinstance(error.__cause__, psycopg.errors.UndefinedTable):
                self._segments.forget(segment)
            self._report([(put, error)])
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            self._report([(put, QueueError(f"the body cannot be read: {error}"))])
            return False
        return True

    def _write_large(self, put: NewMessage, segment: int) -> None:
        """Write the rows of a content, except the last ones."""
        most = OCTETS // ROW * ROW
        left, checksum = bytearray(), 0
        for chunk in put.submission.body.chunks():
            left += chunk
            checksum = zlib.crc32(chunk, checksum)
            if len(left) > most:
                rows = [(put.key, put.rows, bytes(left[:most]))]
                self._writer.change(partial(write_contents, segment=segment, contents=rows))
                put.rows += most // ROW
                del left[:most]
        put.content, put.checksum = bytes(left), checksum

    def _write(self, puts: Sequence[NewMessage], segment: int) -> None:
        try:
            there = self._commit(puts, segment)
        except (psycopg.errors.DiskFull, psycopg.errors.UndefinedTable) as error:
            if isinstance(error, psycopg.errors.UndefinedTable):
                self._segments.forget(segment)
            self._report([(each, error_of(error)) for each in puts])
        except QueueError as error:
            if not isinstance(error, Fenced):
                self._abandoned.extend(each.key for each in puts)
            self._report([(each, error) for each in puts])
        except Exception as error:  # noqa: BLE001 - the server refuses one of them
            if len(puts) == 1:
                self._report([(puts[0], error_of(error))])
                return
            middle = len(puts) // 2
            self._write(puts[:middle], segment)
            self._write(puts[middle:], segment)
        else:
            epoch = self._writer.epoch
            exists = QueueError("not stored: its id exists already")
            self._report(
                [
                    (each, self._table.result_of(each, epoch) if each.key in there else exists)
                    for each in puts
                ]
            )

    def _commit(self, puts: Sequence[NewMessage], segment: int) -> set[int]:
        """Insert messages in a transaction; return the keys of those that are there."""

        def attempt(transaction: WriteAttempt) -> set[int]:
            connection = transaction.connection
            with connection.pipeline():
                transaction.begin()
                if transaction.is_repeated:
                    there = insert_group_again(
                        self._table, connection, puts, segment, transaction.epoch
                    )
                else:
                    there = {each.key for each in puts}
                    insert_group(self._table, connection, puts, segment, transaction.epoch)
                transaction.commit()
            transaction.check()
            return there

        return self._writer.persist(attempt)


def _batches(puts: Sequence[NewMessage]) -> Iterator[Sequence[NewMessage]]:
    """Yield groups of limited size."""
    batch: list[NewMessage] = []
    octets = 0
    for put in puts:
        if batch and octets + len(put.content) > OCTETS:
            yield batch
            batch, octets = [], 0
        batch.append(put)
        octets += len(put.content)
    if batch:
        yield batch


def _delete(connection: Connection, keys: Sequence[int]) -> None:
    connection.execute(SQL["take_back_deliveries"], (numbers(keys),))
    connection.execute(SQL["take_back_messages"], (numbers(keys),))
