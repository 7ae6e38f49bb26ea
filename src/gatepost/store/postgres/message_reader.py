"""The reads of captured mail and of the queue. Raise KeyError and Unreadable."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import psycopg

from gatepost.model.body import Body
from gatepost.model.delivery import Delivery, QueuedMessage
from gatepost.model.message import StoredMessage
from gatepost.queue.deliveries_contract import (
    Cursor,
    MessageOrigin,
    QueueCount,
    QueueSelection,
    SelectedSome,
    part_of,
)
from gatepost.queue.delivery_matcher import DeliveryMatcher
from gatepost.queue.message_selection import matcher
from gatepost.queue.store_contract import Selection
from gatepost.store.postgres.arrays import texts
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.message_rows import (
    is_storable,
    queued_message,
    stored_message,
    to_text,
)
from gatepost.store.postgres.queue_writer import delivery_of
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.segments import AT_ONCE, ContentPlace, StoredBody
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import read_time

if TYPE_CHECKING:
    from gatepost.directory.contract import Record  # it would load SASL and more, for one row only

_MAX_KEY: Final = (1 << 63) - 1


def list_captured(connection: Connection, selection: Selection) -> Sequence[StoredMessage]:
    """Return captured messages, newest first."""
    matches, limit = matcher(selection), selection.limit
    messages: list[StoredMessage] = []
    if limit is not None and limit <= 0:
        return messages
    for message in _newest_first(connection):
        if matches(message):
            messages.append(message)
            if limit is not None and len(messages) >= limit:
                break
    return messages


def get_captured(connection: Connection, name: str) -> StoredMessage:
    """Return one message; ``last`` is the newest."""
    return stored_message(_row(connection, "get_captured", _resolve(connection, name)))


def trace_of(connection: Connection, name: str) -> bytes:
    """Return its trace fields."""
    return bytes(_row(connection, "get_trace", _resolve(connection, name))[0])


def count_captured(connection: Connection) -> int:
    """Return how many messages are captured."""
    return int(first(connection, "count_captured")[0])


def load_records(connection: Connection) -> "Sequence[Record]":
    """Return the directory's objects."""
    from gatepost.directory.contract import Record  # noqa: PLC0415

    rows = connection.execute(SQL["load_records"]).fetchall()
    return [Record(kind, id_, json.loads(fields)) for kind, id_, fields in rows]


def looked_at(connection: Connection) -> int | None:
    """Return when deliveries were looked for last, in microseconds."""
    row = connection.execute(SQL["get_counter"], ("looked_at",)).fetchone()
    return None if row is None else int(row[0])


def next_due(connection: Connection, skip: Collection[str]) -> int | None:
    """Return the earliest time of a due delivery or notification, in microseconds."""
    due: int | None = first(connection, "next_due", texts(sorted(skip)))[0]
    return due


def get_message(connection: Connection, id_: str) -> QueuedMessage:
    """Return a message of the queue without its content."""
    return queued_message(_row(connection, "get_message", id_))


def find_deliveries(connection: Connection, id_: str) -> Sequence[Delivery]:
    """Return the deliveries with an id, or of a message with that id."""
    if not is_storable(id_):
        return []
    rows = connection.execute(SQL["deliveries_of"], (id_,)).fetchall()
    message, part = part_of(id_)
    if not rows and part is not None:
        rows = connection.execute(SQL["deliveries_of"], (message,)).fetchall()
        rows = [row for row in rows if row[1] == part]
    return [delivery_of(row) for row in rows]


def select_deliveries(
    connection: Connection, selection: QueueSelection, after: Cursor | None
) -> SelectedSome:
    """Return the selected ones of a page, those of the newest message first. Each page is a read of
    its own, so that a long list holds no snapshot."""
    matcher, (key, part) = DeliveryMatcher(selection), after or (_MAX_KEY, -1)
    has_settled = "settled" in selection.states
    rows = connection.execute(SQL["list_deliveries"], (key, key, part, has_settled)).fetchall()
    chosen: list[Delivery] = []
    origins: list[MessageOrigin] = []
    for row in rows:
        accepted = MessageOrigin(to_text(row[18]), read_time(row[19]))
        if matcher.may_match(row[2], accepted) and matcher.matches(delivery := delivery_of(row)):
            chosen.append(delivery)
            origins.append(accepted)
    return SelectedSome(chosen, (rows[-1][13], rows[-1][1]) if rows else None, origins)


def count_deliveries(connection: Connection) -> dict[str, QueueCount]:
    """Return the numbers of waiting, leased and held deliveries by next hop."""
    rows = connection.execute(SQL["count_deliveries"]).fetchall()
    return {hop: QueueCount(*counts) for hop, *counts in rows}


def first(connection: Connection, name: str, *values: Any) -> tuple[Any, ...]:
    """Return the first row of a statement that has one."""
    row = connection.execute(SQL[name], values).fetchone()
    assert row is not None  # noqa: S101
    return row


class BodyReader:
    """Opens contents: small ones are read and verified, large ones read in chunks later."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def captured(self, connection: Connection, name: str) -> Body:
        """Return the content of a captured message."""
        return self._open(connection, "captured_place", _resolve(connection, name))

    def queued(self, connection: Connection, id_: str) -> Body:
        """Return the content of a message with deliveries that are not settled."""
        return self._open(connection, "message_place", id_)

    def _open(self, connection: Connection, query: str, id_: str) -> Body:
        place = _place(connection, query, id_)
        if place.size > AT_ONCE:
            wait = self._readers.wait
            return StoredBody(place, lambda: wait(lambda each: _place(each, query, id_)), wait)
        try:
            return place.read(connection)
        except psycopg.errors.UndefinedTable:  # it was moved to another segment meanwhile
            place = _place(connection, query, id_)
        return place.read(connection)


def _place(connection: Connection, query: str, id_: str) -> ContentPlace:
    return ContentPlace(*_row(connection, query, id_))


def _newest_first(connection: Connection) -> Iterator[StoredMessage]:
    before = _MAX_KEY
    while rows := connection.execute(SQL["list_captured"], (before,)).fetchall():
        yield from map(stored_message, rows)
        before = rows[-1][0]


def _resolve(connection: Connection, name: str) -> str:
    if name != "last":
        return name
    row = connection.execute(SQL["newest_captured"]).fetchone()
    if row is None:
        raise KeyError(name)
    return str(row[0])


def _row(connection: Connection, query: str, id_: str) -> tuple[Any, ...]:
    row = connection.execute(SQL[query], (id_,)).fetchone() if is_storable(id_) else None
    if row is None:
        raise KeyError(id_)
    return row
