"""The last sessions that have ended, in memory: a restart forgets them."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final

from gatepost.model.session_record import SessionRecord
from gatepost.model.units import MIB

MAX_SESSIONS: Final = 1_000
MAX_MESSAGES: Final = 10_000
"""Messages of which it is remembered in which session they came."""
MAX_SIZE: Final = 12 * MIB
"""Octets for all of them, roughly; with those of open sessions, 16 MB."""


class SessionArchive:
    """Keeps the records of the last sessions; the oldest one makes room for a new one."""

    def __init__(self, on_add: Callable[[SessionRecord], None] = lambda _: None) -> None:
        self.on_add = on_add
        """Called with each session that has ended."""
        self._records: deque[SessionRecord] = deque()
        self._last = 0
        self._size = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self._of_message: OrderedDict[str, str] = OrderedDict()
        self.dropped = 0
        """Number of sessions that front processes could not send."""

    @property
    def records(self) -> Sequence[SessionRecord]:
        """All records, in the order in which the sessions ended."""
        return list(self._records)

    @property
    def last(self) -> int:
        """The number of the last session that has ended; they are counted from 1."""
        return self._last

    def find(self, id_: str) -> SessionRecord | None:
        """Return the record of a session; None if there is none."""
        return next((each for each in self._records if each.id == id_), None)

    def note_message(self, message: str, session: str) -> None:
        """Note in which session a message came, which may still be open."""
        self._of_message[message] = session
        if len(self._of_message) > MAX_MESSAGES:
            self._of_message.popitem(last=False)

    def session_of(self, message: str) -> str:
        """Return the id of the session in which a message came; empty if it is not known."""
        return self._of_message.get(message, "")

    def add(self, record: SessionRecord) -> None:
        """Keep the record of a session that has ended."""
        self._last += 1
        self._records.append(record)
        self._size += record.size
        while len(self._records) > MAX_SESSIONS or self._size > MAX_SIZE:
            self._size -= self._records.popleft().size
        if self._waiters:
            self._wake_waiters()
        self.on_add(record)

    def _wake_waiters(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for each in waiters:
            if not each.done():
                each.set_result(None)

    def take(self, ended: tuple[Sequence[SessionRecord], int]) -> None:
        """Keep the records that a front process has sent, and count those that it could not."""
        records, dropped = ended
        self.dropped += dropped
        for each in records:
            for message in each.messages:
                self.note_message(message, each.id)
            self.add(each)

    def since(self, number: int) -> Sequence[SessionRecord]:
        """Return the records of sessions that have ended after that one."""
        first = self._last - len(self._records)
        return list(self._records)[max(0, number - first) :] if number < self._last else ()

    async def wait(self, number: int, timeout: float) -> Sequence[SessionRecord]:
        """Return the same as soon as there is one, or nothing after ``timeout`` seconds."""
        if number >= self._last:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            await asyncio.wait([waiter], timeout=timeout)
            self._waiters.discard(waiter)
        return self.since(number)
