"""Events that come before the relay has recorded the mail that they are about.

A provider may report before its reply is recorded here, or while a relay that was killed in between
has not sent the message again. Such events are kept in the store, and tried again: at first after a
second, then less and less often, for a day. Most of those that stay are about mail that others sent
through the same account.
"""

import asyncio
import hashlib
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gatepost.feedback.provider_events import ProviderEvent
from gatepost.feedback.recorder import FeedbackRecorder
from gatepost.model.note import Note
from gatepost.model.units import MIB
from gatepost.queue.notes_contract import NoteStore
from gatepost.relay.safe_error_text import explain

TRIED_FOR: Final = timedelta(days=1)
"""For how long an event is tried again."""
MOST_OCTETS: Final = 4 * MIB
"""Octets of the events of one provider: of more, the oldest are given up."""
NOTE: Final = 512
"""Octets that a note counts besides its text, so that the number of notes is bounded, too."""
LONGEST: Final = 65_536
"""Octets of the events in one note, and so of an event that is kept."""
FIRST: Final = 1.0
"""Seconds until an event is tried again, and twice as long each time after that."""
LATEST: Final = 600.0
"""Maximum seconds between two tries."""
LOOK: Final = 60.0
"""Seconds between two looks for events that a node left which is not there any more, and between
two reports to the operator of what was given up."""
TURN: Final = 120.0
"""Seconds for which a node that does not look any more keeps others from it."""

_decode: Final = msgspec.json.Decoder(list[ProviderEvent]).decode


@dataclass(slots=True)
class _EarlyNote:
    """The events in one note."""

    text: bytes
    count: int
    until: datetime
    due: float = 0.0
    """When they are tried next, by the clock of the loop."""
    wait: float = FIRST

    @property
    def octets(self) -> int:
        return len(self.text) + NOTE

    @property
    def key(self) -> str:
        """The same for the same events, which may come again."""
        return hashlib.sha256(self.text).hexdigest()


class EarlyEvents:
    """Those of one provider, from ``start`` to ``stop``."""

    def __init__(
        self,
        source: str,
        targets: Sequence[str],
        recorder: FeedbackRecorder,
        notes: NoteStore,
        take_turn: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        """``source`` is the provider's name in the configuration. ``take_turn`` tells whether this
        node looks for what others left; None: there are no others."""
        self._source, self._targets, self._scope = source, targets, f"early {source}"
        self._recorder, self._notes, self._take_turn = recorder, notes, take_turn
        self._by_key: OrderedDict[str, _EarlyNote] = OrderedDict()
        """The notes by their keys, oldest first."""
        self._octets = 0
        self._look_at = 0.0
        """When to look into the store next; 0: it was not read yet."""
        self._dropped: Counter[str] = Counter()
        """How many events were given up and not reported yet, by the reason."""
        self._tell_at = 0.0
        """When to report them."""
        self._wake = asyncio.Event()
        self._problem = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once: what is kept is tried again after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def keep(self, events: Sequence[ProviderEvent]) -> None:
        """Keep events; they survive a kill from then on. Raises QueueError."""
        self._recorder.report("feedback_kept", source=self._source, count=len(events),
                              provider_id=events[0].id[:200])  # fmt: skip
        until, due = self._recorder.now() + TRIED_FOR, _now() + FIRST
        packed = [
            _EarlyNote(_written(some), len(some), until, due) for some in self._packed(events)
        ]
        await self._notes.put([self._stored(each) for each in packed])
        for each in packed:
            self._add(each)
        await self._delete_surplus()
        self._wake.set()

    def _packed(self, events: Sequence[ProviderEvent]) -> Iterator[list[ProviderEvent]]:
        """Yield the events of each note."""
        some: list[ProviderEvent] = []
        octets = 0
        for each in events:
            size = len(_written([each]))
            if size > LONGEST:
                self._dropped["it is too long"] += 1
                continue
            if octets + size > LONGEST:
                yield some
                some, octets = [], 0
            some.append(each)
            octets += size
        if some:
            yield some

    def _stored(self, note: _EarlyNote) -> Note:
        return Note(self._scope, note.key, note.text.decode(), note.until)

    def _add(self, note: _EarlyNote) -> None:
        self._remove(note.key)
        self._by_key[note.key] = note
        self._octets += note.octets

    def _remove(self, key: str) -> None:
        if (note := self._by_key.pop(key, None)) is not None:
            self._octets -= note.octets

    async def _delete_surplus(self) -> None:
        """Delete the oldest of too many: what is about our mail is found within seconds, so these
        are others'."""
        surplus: list[str] = []
        while self._octets > MOST_OCTETS:
            key, note = next(iter(self._by_key.items()))
            self._remove(key)
            self._dropped["too many were kept"] += note.count
            surplus.append(key)
        if surplus:
            await self._notes.delete(self._scope, surplus)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                wait = await self.try_once()
            except Exception as error:  # noqa: BLE001 - the next try may succeed
                wait = FIRST
                self._tell_failure(explain(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait, FIRST / 10)):
                    await self._wake.wait()

    async def try_once(self) -> float:
        """Try what is due; return the seconds until the next is. Raises QueueError."""
        await self._look()
        now = _now()
        for key, note in [(key, each) for key, each in self._by_key.items() if each.due <= now]:
            note.due, note.wait = _now() + note.wait, min(LATEST, 2 * note.wait)  # even if it fails
            if note.until <= self._recorder.now():
                self._remove(key)  # the store deletes it by itself
                self._dropped["it was about no mail of this relay for a day"] += note.count
            elif await self._is_there(key):
                await self._try(key, note)
        self._problem = ""
        self._tell_dropped()
        due = min([each.due for each in self._by_key.values()], default=_now() + LATEST)
        is_alone = self._take_turn is None and not self._dropped
        return max(0.0, min(due - _now(), LATEST if is_alone else LOOK))

    async def _is_there(self, key: str) -> bool:
        """Tell whether events are kept yet: another node may have recorded them."""
        if key in self._by_key and self._take_turn is not None:
            if await self._notes.find(self._scope, [key]) is not None:
                return True
            self._remove(key)
        return key in self._by_key

    async def _try(self, key: str, note: _EarlyNote) -> None:
        left: list[ProviderEvent] = []
        for each in _decode(note.text):
            _, part = await self._recorder.try_record(self._source, self._targets, each)
            left += [part] if part is not None else []
        text = _written(left)
        if text == note.text or key not in self._by_key:
            return
        if left:
            rest = _EarlyNote(text, len(left), note.until, note.due, note.wait)
            await self._notes.put([self._stored(rest)])
            self._add(rest)
        await self._notes.delete(self._scope, [key])
        self._remove(key)

    async def _look(self) -> None:
        """Read what is in the store: at the start, and of other nodes' from time to time."""
        is_first = self._look_at == 0.0
        if not is_first and (self._take_turn is None or _now() < self._look_at):
            return
        if is_first or (self._take_turn is not None and await self._take_turn(self._scope)):
            for each in await self._notes.list(self._scope, MOST_OCTETS // NOTE):
                if each.key not in self._by_key and each.until > self._recorder.now():
                    self._adopt(each)
            await self._delete_surplus()
        self._look_at = _now() + LOOK

    def _adopt(self, note: Note) -> None:
        with suppress(msgspec.MsgspecError):  # of a later version: it ends by itself
            self._add(_EarlyNote(note.value.encode(), len(_decode(note.value)), note.until))

    def _tell_dropped(self) -> None:
        """Report what was given up, not again and again while too many come."""
        if self._dropped and _now() >= self._tell_at:
            self._tell_at = _now() + LOOK
            for reason, count in self._dropped.items():
                self._recorder.report(
                    "feedback_dropped", source=self._source, count=count, reason=reason
                )
            self._dropped.clear()

    def _tell_failure(self, reason: str) -> None:
        if reason != self._problem:
            self._problem = reason
            self._recorder.report("feedback_delayed", source=self._source, reason=reason)


def _written(events: Sequence[ProviderEvent]) -> bytes:
    return msgspec.json.encode(events)


def _now() -> float:
    return asyncio.get_running_loop().time()
