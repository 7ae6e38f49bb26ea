"""Accepted mail, and its two places: captured mail, and the queue."""

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gatepost.errors import QueueError
from gatepost.model.body import traits_of
from gatepost.model.delivery import Delivery, Lease, Planned
from gatepost.model.message import Submission
from gatepost.model.send_operation import SendOperation
from gatepost.queue.deliveries_contract import planned_delivery, queued
from gatepost.store.delivery_json import write_addressees
from gatepost.store.postgres.arrays import numbers, texts
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.message_rows import (
    captured_columns,
    operation_row,
    queued_columns,
)
from gatepost.store.postgres.segments import Kind, write_contents
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import microseconds

_RETURNING: Final = " ON CONFLICT DO NOTHING RETURNING key"


@dataclass(slots=True, eq=False)
class NewMessage:
    """A message to insert; ``key`` is that of its content, and in the queue its own."""

    future: asyncio.Future[Any] | None
    """None: nobody waits for it alone."""
    submission: Submission
    key: int
    operation: SendOperation | None = None
    planned: Sequence[Planned] = ()
    """For the queue: its deliveries."""
    leased: bool = True
    content: bytes = b""
    """What of the content is inserted with the message; the rest is there already."""
    rows: int = 0
    """How many rows of it are there already."""
    checksum: int = 0
    deliveries: Sequence[Delivery] = ()

    def read(self) -> None:
        """Read the content of a message of usual size. Raises OSError."""
        self.content = b"".join(self.submission.body.chunks())
        traits = traits_of(self.submission.body)
        known = None if traits is None else traits.checksum
        self.checksum = zlib.crc32(self.content) if known is None else known


class MessageTable(Protocol):
    """Where a group of messages is inserted, in an open transaction."""

    @property
    def kind(self) -> Kind:
        """The kind of their segments."""

    def insert_messages(
        self, connection: Connection, puts: Sequence[NewMessage], segment: int, more: str = ""
    ) -> Any:
        """Insert the rows of the messages; return the cursor. ``more`` ends the statement."""

    def insert_rest(self, connection: Connection, puts: Sequence[NewMessage], epoch: int) -> None:
        """Insert what else belongs to them, except their contents."""

    def keys_of(self, connection: Connection, puts: Sequence[NewMessage], epoch: int) -> set[int]:
        """Return the keys of those that are there; note which are not leased in an epoch."""

    def result_of(self, put: NewMessage, epoch: int) -> Any:
        """Return the result of a message that is committed."""


class CapturedTable:
    """Captured mail; the result is None."""

    kind: Final[Kind] = "captured"

    def insert_messages(
        self, connection: Connection, puts: Sequence[NewMessage], segment: int, more: str = ""
    ) -> Any:
        columns = captured_columns([(each.key, each.submission, each.checksum) for each in puts])
        values = (len(puts), len(puts), segment, *columns)
        return connection.execute(SQL["insert_captured"].rstrip(";") + more, values)

    def insert_rest(self, connection: Connection, puts: Sequence[NewMessage], epoch: int) -> None:  # noqa: ARG002
        _insert_operations(connection, puts)

    def keys_of(
        self,
        connection: Connection,
        puts: Sequence[NewMessage],
        epoch: int,  # noqa: ARG002 - see MessageTable
    ) -> set[int]:
        ids, keys = [each.submission.id for each in puts], [each.key for each in puts]
        rows = connection.execute(SQL["captured_keys"], (texts(ids), numbers(keys)))
        return {key for (key,) in rows.fetchall()}

    def result_of(self, put: NewMessage, epoch: int) -> None:  # noqa: ARG002 - see MessageTable
        return None


class QueueTable:
    """The queue; the result is the leases."""

    kind: Final[Kind] = "queued"

    def insert_messages(
        self, connection: Connection, puts: Sequence[NewMessage], segment: int, more: str = ""
    ) -> Any:
        columns = queued_columns([(each.key, each.submission, each.checksum) for each in puts])
        return connection.execute(SQL["insert_messages"].rstrip(";") + more, (segment, *columns))

    def insert_rest(self, connection: Connection, puts: Sequence[NewMessage], epoch: int) -> None:
        _insert_operations(connection, puts)
        rows: list[tuple[Any, ...]] = []
        hops: list[tuple[str, int]] = []
        for put in puts:
            put.deliveries = deliveries_of(put.submission, put.planned, leased=put.leased)
            rows += delivery_rows(put.key, put.deliveries, epoch if put.leased else None)
            if not put.leased:
                hops += [(each.next_hop.key, microseconds(each.due)) for each in put.planned]
        insert_deliveries(connection, rows)
        lower_hops(connection, hops)

    def keys_of(self, connection: Connection, puts: Sequence[NewMessage], epoch: int) -> set[int]:
        values = epoch, numbers([each.key for each in puts])
        there: dict[int, bool] = dict(connection.execute(SQL["message_keys"], values).fetchall())
        for put in puts:  # others may have taken over what was stored in an earlier epoch
            put.leased = put.leased and there.get(put.key, False)
        return set(there)

    def result_of(self, put: NewMessage, epoch: int) -> tuple[Lease, ...]:
        if not put.leased:
            return ()
        made = put.deliveries or deliveries_of(put.submission, put.planned, leased=True)
        message = queued(put.submission)
        return tuple(
            [Lease(each, message, epoch, 1, (put.key, part)) for part, each in enumerate(made)]
        )


def insert_group(
    table: MessageTable,
    connection: Connection,
    puts: Sequence[NewMessage],
    segment: int,
    epoch: int,
) -> None:
    """Insert messages and what belongs to them, in one pipeline: none of them is there."""
    table.insert_messages(connection, puts, segment)
    table.insert_rest(connection, puts, epoch)
    write_puts(connection, puts, segment)


def insert_group_again(
    table: MessageTable,
    connection: Connection,
    puts: Sequence[NewMessage],
    segment: int,
    epoch: int,
) -> set[int]:
    """Insert those that are not there, after a COMMIT whose result was lost; return the keys of
    those that are there now.

    To ask whether they are there would not suffice, because the lost transaction may be committed
    later. The statement waits for it. Those that it does not insert, and that are not there, have
    the id of another message.
    """
    inserted = table.insert_messages(connection, puts, segment, _RETURNING)
    keys = {key for (key,) in inserted.fetchall()}
    if missing := [each for each in puts if each.key in keys]:
        table.insert_rest(connection, missing, epoch)
        write_puts(connection, missing, segment)
    return keys | table.keys_of(connection, puts, epoch)


def write_puts(connection: Connection, puts: Sequence[NewMessage], segment: int) -> None:
    """Insert the contents of messages, as far as they are not there already."""
    write_contents(connection, segment, [(each.key, each.rows, each.content) for each in puts])


def deliveries_of(
    submission: Submission, planned: Sequence[Planned], *, leased: bool
) -> list[Delivery]:
    """Return the deliveries of a new message."""
    return [
        planned_delivery(submission.id, part, each, leased=leased)
        for part, each in enumerate(planned)
    ]


def delivery_rows(
    key: int, deliveries: Sequence[Delivery], epoch: int | None
) -> list[tuple[Any, ...]]:
    """Return rows for ``insert_deliveries``; with an epoch they are leased for the first time."""
    return [
        (
            key,
            part,
            each.next_hop.key,
            None if each.due is None else microseconds(each.due),
            epoch,
            int(epoch is not None),
            microseconds(each.expires_at),
            microseconds(each.notice_at),
            write_addressees(each.addressees),
        )
        for part, each in enumerate(deliveries)
    ]


def insert_deliveries(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of ``delivery_rows``."""
    if rows:
        keys, parts, hops, due, nodes, tokens, expires, notices, addressees = zip(
            *rows, strict=True
        )
        connection.execute(
            SQL["insert_deliveries"],
            (
                numbers(keys), numbers(parts), texts(hops), numbers(due), numbers(nodes),
                numbers(tokens), numbers(expires), numbers(notices), texts(addressees),
            ),
        )  # fmt: skip


def lower_hops(connection: Connection, hops: Sequence[tuple[str, int]]) -> None:
    """Note that something of these next hops is due at these times."""
    if hops:
        keys, due = zip(*hops, strict=True)
        connection.execute(SQL["lower_hops"], (texts(keys), numbers(due)))


def _insert_operations(connection: Connection, puts: Sequence[NewMessage]) -> None:
    for put in puts:
        if put.operation is not None:
            connection.execute(SQL["insert_operation"], operation_row(put.operation))


def check_planned(put: NewMessage) -> None:
    """Raise QueueError for a message of the queue without deliveries."""
    if not put.planned:
        raise QueueError(f"message {put.submission.id} has no delivery")
