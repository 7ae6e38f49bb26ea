"""The last sessions that have ended, in memory: a restart forgets them."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final

from gatepost.model.session_record import SessionRecord
from gatepost.model.units import MIB
from gatepost.relay.session_recording import SessionRecording

MAX_SESSIONS: Final = 1_000
MAX_MESSAGES: Final = 10_000
"""Messages of which it is remembered in which session they came."""
MAX_SIZE: Final = 8 * MIB
"""Octets for all of them, roughly; with those of open sessions, 16 MB."""
UNREAD_EVERY: Final = 0.1
"""Seconds between two looks at recordings that nobody has asked for."""
FEW: Final = 2
"""Recordings that are read then while sessions end; the oldest ones of more may never be read."""
MANY: Final = 20
"""Recordings that are read then while no session ends."""


class SessionArchive:
    """Keeps the records of the last sessions; the oldest one makes room for a new one.

    A record is made of its recording when somebody asks for it, or a little later: mail must not
    wait for it, and of very many sessions only the last ones are kept.
    """

    def __init__(self) -> None:
        self.on_add: Callable[[str], None] = lambda _: None
        """Called with the id of each session that has ended."""
        self._records: OrderedDict[str, SessionRecord] = OrderedDict()
        self._unread: deque[SessionRecording] = deque()
        """Sessions that have ended later than those in ``_records``."""
        self._reading: asyncio.TimerHandle | None = None
        self._last = self._last_seen = 0
        self._size = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self._of_message: OrderedDict[str, str] = OrderedDict()
        self.dropped = 0
        """Number of sessions that front processes could not send."""

    @property
    def records(self) -> Sequence[SessionRecord]:
        """All records, in the order in which the sessions ended."""
        self._read(len(self._unread))
        return list(self._records.values())

    @property
    def last(self) -> int:
        """The number of the last session that has ended; they are counted from 1."""
        return self._last

    def find(self, id_: str) -> SessionRecord | None:
        """Return the record of a session; None if there is none."""
        if id_ not in self._records:
            self._read(len(self._unread))
        return self._records.get(id_)

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
        self._read(len(self._unread))  # the order stays
        self._last += 1
        self._keep(record)
        self._tell(record.id)

    def add_recording(self, recording: SessionRecording) -> None:
        """Keep a session that has ended; its record is made later."""
        self._last += 1
        self._size += recording.size
        self._unread.append(recording)
        if len(self._records) + len(self._unread) > MAX_SESSIONS or self._size > MAX_SIZE:
            self._make_room()
        if self._reading is None:
            loop = asyncio.get_running_loop()
            self._reading = loop.call_later(UNREAD_EVERY, self._read_some)
        self._tell(recording.id)

    def _tell(self, id_: str) -> None:
        if self._waiters:
            self._wake_waiters()
        self.on_add(id_)

    def _read_some(self) -> None:
        self._reading = None
        self._read(FEW if self._last > self._last_seen else MANY)
        self._last_seen = self._last
        if self._unread:
            loop = asyncio.get_running_loop()
            self._reading = loop.call_later(UNREAD_EVERY, self._read_some)

    def _read(self, most: int) -> None:
        """Make the records of the oldest unread recordings."""
        for _ in range(min(most, len(self._unread))):
            recording = self._unread.popleft()
            self._size -= recording.size
            self._keep(recording.conclude())

    def _keep(self, record: SessionRecord) -> None:
        self._records[record.id] = record
        self._size += record.size
        self._make_room()

    def _make_room(self) -> None:
        records, unread = self._records, self._unread
        while len(records) + len(unread) > MAX_SESSIONS or self._size > MAX_SIZE:
            if records:
                self._size -= records.popitem(last=False)[1].size
            else:
                self._size -= unread.popleft().size

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
        if number >= self._last:
            return ()
        records = self.records
        first = self._last - len(records)
        return records[max(0, number - first) :]

    async def wait(self, number: int, timeout: float) -> Sequence[SessionRecord]:
        """Return the same as soon as there is one, or nothing after ``timeout`` seconds."""
        if number >= self._last:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            await asyncio.wait([waiter], timeout=timeout)
            self._waiters.discard(waiter)
        return self.since(number)
