"""What happens in a relay, for those who watch: published without waiting for anybody.

A reader that is too slow loses events, and is told so by the event ``gap``.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

GAP: Final = "gap"
MAX_KEPT: Final = 1_000
"""Events with which a reader may resume, and which may wait for one reader."""
MAX_READERS: Final = 50
EventData = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
"""The data of an event, or what makes it for a reader: nobody may want it."""


class TooManyReaders(Exception):
    """There are MAX_READERS already."""


@dataclass(frozen=True, slots=True)
class BusEvent:
    """One event; its data has no secrets."""

    cursor: str
    """With which a reader continues after it."""
    name: str
    data: Mapping[str, Any]


class EventBus:
    """Passes events to readers, and keeps the last ones for those who come back."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)
        """Cursors of an earlier start are recognised by it."""
        self._last = 0
        self._ring: deque[tuple[int, str, EventData]] = deque(maxlen=MAX_KEPT)
        self._readers: set[EventReader] = set()
        self._eager: set[EventReader] = set()
        """Those that get the next event; one that only counts is here while it waits for news."""
        self.counts: dict[str, int] = {}
        """How many events of each name there were."""

    @property
    def has_readers(self) -> bool:
        """Whether anybody watches."""
        return bool(self._readers)

    def publish(self, name: str, data: EventData) -> None:
        """Pass an event to all readers that want it. Quick, because mail may wait for it."""
        self._last += 1
        self.counts[name] = self.counts.get(name, 0) + 1
        event = self._last, name, data
        self._ring.append(event)
        for reader in tuple(self._eager):
            reader.offer(event)

    def open(
        self, names: Collection[str] = (), after: str = "", *, counts: bool = False
    ) -> "EventReader":
        """Return a reader of events with these names, or of all; ``after`` is the cursor of the
        last event that it knows. With ``counts``, it gets only how many there were of each name.
        Close it. Raises TooManyReaders."""
        if len(self._readers) >= MAX_READERS:
            raise TooManyReaders
        reader = (EventCounter if counts else EventReader)(self, frozenset(names))
        if after:
            self._resume(reader, after)
        self._readers.add(reader)
        if not counts:
            self.offer_to(reader)
        return reader

    def offer_to(self, reader: "EventReader") -> None:
        """Pass the next events to a reader."""
        self._eager.add(reader)

    def spare(self, reader: "EventReader") -> None:
        """Pass no further event to a reader."""
        self._eager.discard(reader)

    def _resume(self, reader: "EventReader", after: str) -> None:
        epoch, _, number = after.partition("-")
        is_ours = epoch == self._epoch and number.isascii() and number.isdecimal()
        seen = int(number) if is_ours and len(number) < 20 else -1
        first = self._ring[0][0] if self._ring else self._last + 1
        if not first - 1 <= seen <= self._last:
            reader.note_gap()
            return
        reader.catch_up([event for event in self._ring if event[0] > seen])

    def close(self, reader: "EventReader") -> None:
        """Forget a reader."""
        self._readers.discard(reader)
        self.spare(reader)

    def cursor(self, number: int) -> str:
        """Return the cursor of an event."""
        return f"{self._epoch}-{number}"

    @property
    def last_cursor(self) -> str:
        """The cursor of the last event."""
        return self.cursor(self._last)


class EventReader:
    """The events that wait for one reader."""

    def __init__(self, bus: EventBus, names: frozenset[str]) -> None:
        self._bus, self._names = bus, names
        self._waiting: deque[tuple[int, str, EventData]] = deque()
        self._missed = 0
        self._has_gap = False
        self._news = asyncio.Event()

    def offer(self, event: tuple[int, str, EventData]) -> None:
        """Take an event, unless too many wait already."""
        if self._names and event[1] not in self._names:
            return
        if len(self._waiting) >= MAX_KEPT:
            self._waiting.clear()  # what it missed it must fetch again, so older events are no use
            self._missed += MAX_KEPT
            self._has_gap = True
        self._waiting.append(event)
        self._news.set()

    def catch_up(self, events: Sequence[tuple[int, str, EventData]]) -> None:
        """Take events that came before this reader."""
        for event in events:
            self.offer(event)

    def note_gap(self) -> None:
        """Note that it is unknown how many events were missed."""
        self._has_gap = True
        self._news.set()

    async def read(self, timeout: float) -> Sequence[BusEvent]:
        """Return the events that wait, as soon as there are some; nothing after ``timeout``
        seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return ()
        self._news.clear()
        events = []
        if self._has_gap:
            first = self._waiting[0][0] - 1 if self._waiting else None
            cursor = self._bus.last_cursor if first is None else self._bus.cursor(first)
            events.append(BusEvent(cursor, GAP, {"missed": self._missed or None}))
            self._has_gap, self._missed = False, 0
        events += [
            BusEvent(self._bus.cursor(at), name, data() if callable(data) else data)
            for at, name, data in self._waiting
        ]
        self._waiting.clear()
        return events

    def close(self) -> None:
        """Stop reading."""
        self._bus.close(self)


class EventCounter(EventReader):
    """The number of events of each name since the last ones were read.

    The bus counts them, so that events cost nothing while their reader rests.
    """

    def __init__(self, bus: EventBus, names: frozenset[str]) -> None:
        super().__init__(bus, names)
        self._seen = bus.counts.copy()
        """The counts when they were last read."""

    def offer(self, event: tuple[int, str, EventData]) -> None:
        if not self._names or event[1] in self._names:
            self._news.set()
            self._bus.spare(self)

    def catch_up(self, events: Sequence[tuple[int, str, EventData]]) -> None:
        for _, name, _ in events:
            self._seen[name] -= 1

    async def read(self, timeout: float) -> Sequence[BusEvent]:
        if self._count():
            self._news.set()
        else:
            self._bus.offer_to(self)
        events = list(await super().read(timeout))  # perhaps a gap
        self._bus.spare(self)
        counts, self._seen = self._count(), self._bus.counts.copy()
        cursor = self._bus.last_cursor
        return events + [BusEvent(cursor, each, {"count": n}) for each, n in counts.items()]

    def _count(self) -> dict[str, int]:
        """Return how many events of each name came since they were last read."""
        return {
            name: number - self._seen.get(name, 0)
            for name, number in self._bus.counts.items()
            if (not self._names or name in self._names) and number != self._seen.get(name, 0)
        }
