"""Reads, on a separate connection, in short transactions, so that the WAL stays small."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, TypeVar

from gatepost.model.body import Body
from gatepost.model.message import StoredMessage
from gatepost.queue.message_selection import matcher
from gatepost.queue.store_contract import Selection
from gatepost.store.sqlite.damage import check_order
from gatepost.store.sqlite.queries import QUERIES, stored_message
from gatepost.store.sqlite.segments import BodyPlace, Segments, open_content

if TYPE_CHECKING:
    from gatepost.directory.contract import Record  # it would load SASL and more, for one row only

P = ParamSpec("P")
T = TypeVar("T")
PAGE_ROWS: Final = 500
"""Rows of a listing in one read transaction."""
_MAX_SEQ: Final = (1 << 63) - 1
_MEMBER: Final = re.compile(r'"(\w+)": ("(?:[^"\\]|\\.)*")')
"""A string in a JSON object, and its name."""


class RunRead(Protocol):
    """Reads in the reader thread; returns, or raises, what ``read`` does."""

    async def __call__(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...


class MessageReader:
    """The reads of the contract. For one thread at a time; raises KeyError and Unreadable."""

    def __init__(self, connection: sqlite3.Connection, segments: Segments) -> None:
        self._connection, self._segments = connection, segments

    def list(self, selection: Selection) -> Sequence[StoredMessage]:
        """Return messages, newest first."""
        matches, limit = matcher(selection), selection.limit
        messages: list[StoredMessage] = []
        if limit is not None and limit <= 0:
            return messages
        for message in self._newest_first(PAGE_ROWS if limit is None else limit):
            if matches(message):
                messages.append(message)
                if limit is not None and len(messages) >= limit:
                    break
        return messages

    def get(self, name: str) -> StoredMessage:
        """Return one message."""
        return stored_message(self._row("get_message", self._resolve(name)))

    def trace(self, name: str) -> bytes:
        """Return its trace fields."""
        return bytes(self._row("get_trace", self._resolve(name))[0])

    def body(self, name: str) -> Body:
        """Return its body: small ones read and verified, large ones opened."""
        id_ = self._resolve(name)
        try:
            return self._open(id_)
        except FileNotFoundError:  # the body moved to another segment meanwhile
            return self._open(id_)

    def records(self) -> "Sequence[Record]":
        """Return the directory's objects."""
        from gatepost.directory.contract import Record  # noqa: PLC0415

        rows = self._connection.execute(QUERIES["load_records"]).fetchall()
        return [Record(kind, _legible(id_), *_read_fields(fields)) for kind, id_, fields in rows]

    def live_octets(self) -> dict[int, int]:
        """Return how many octets of each segment belong to messages."""
        live: dict[int, int] = {}
        for segment, octets in self._connection.execute(QUERIES["live_octets"]):
            live[segment] = live.get(segment, 0) + octets
        return live

    def live_places(self, segment: int) -> Sequence[tuple[int, BodyPlace]]:
        """Return the messages whose body is in this segment, as (seq, place)."""
        rows = self._connection.execute(QUERIES["live_places"], (segment,)).fetchall()
        return [(seq, BodyPlace(*place)) for seq, *place in rows]

    def _newest_first(self, page: int) -> Iterator[StoredMessage]:
        before, page = _MAX_SEQ, min(page, PAGE_ROWS)
        while rows := self._connection.execute(QUERIES["list_before"], (before, page)).fetchall():
            yield from map(stored_message, rows)
            check_order(rows[-1][:1], (before,))
            before, page = rows[-1][0], PAGE_ROWS

    def _resolve(self, name: str) -> str:
        if name != "last":
            return name
        row = self._connection.execute(QUERIES["newest_id"]).fetchone()
        if row is None:
            raise KeyError(name)
        return str(row[0])

    def _row(self, query: str, id_: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._connection.execute(QUERIES[query], (id_,)).fetchone()
        if row is None:
            raise KeyError(id_)
        return row

    def _open(self, id_: str) -> Body:
        return open_content(id_, self._row("get_body", id_), self._segments)


def _legible(text: Any) -> str:
    return str(text).encode("utf-8", "backslashreplace").decode()


def _read_fields(text: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the fields of a record; of a damaged one only the readable strings."""
    try:
        text.encode()  # what is no text would be refused by whoever converts the fields
        fields = json.loads(text)
    except (ValueError, TypeError, AttributeError):
        return {}, _remains(text) if isinstance(text, str) else {}
    return fields if isinstance(fields, dict) else {}, {}


def _remains(text: str) -> dict[str, str]:
    remains: dict[str, str] = {}
    for name, value in _MEMBER.findall(text):
        with suppress(ValueError):
            text = json.loads(value)
            text.encode()
            remains.setdefault(name, text)
    return remains
