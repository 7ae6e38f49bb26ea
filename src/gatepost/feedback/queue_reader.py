"""Reads the events of a provider from a queue of Amazon SQS, one node at a time."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from gatepost.client.provider_sign_in import AwsSignIn
from gatepost.errors import GatepostError, RemoteProtocolError
from gatepost.feedback.amazon_sqs import (
    BATCH,
    SqsMessage,
    check_deleted,
    delete,
    is_test,
    read_messages,
    read_notification,
    receive,
)
from gatepost.feedback.event_lists import NoList, event_key
from gatepost.feedback.poll_failures import PollFailures
from gatepost.feedback.provider_events import EventBatch, ProviderEvent, read_events
from gatepost.feedback.recorder import FeedbackRecorder
from gatepost.model.note import Note
from gatepost.model.provider_events import EventProvider
from gatepost.net.http_client import Http
from gatepost.queue.notes_contract import NoteStore
from gatepost.relay.safe_error_text import explain

PAUSE: Final = 1.0
"""Seconds after a request that found nothing to record: a queue need not wait as it is asked to."""
AGAIN: Final = 5.0
"""Seconds until a node asks for the turn again, and twice as many after a failure."""
REMEMBERED: Final = timedelta(days=2)
"""For how long a message that comes again changes nothing."""
MOST_UNREAD: Final = 1_000
"""Messages without an event that the operator knows of."""
TURN: Final = 120.0
"""Seconds for which a node that does not ask any more keeps others from asking."""


@dataclass(frozen=True, slots=True)
class PolledQueue:
    """One queue, and whose events are in it."""

    name: str
    """The provider's name in the configuration."""
    provider: EventProvider
    url: str
    targets: tuple[str, ...]
    sign_in: AwsSignIn


@dataclass(frozen=True, slots=True)
class _ReadMessage:
    """A message that has been read."""

    message: SqsMessage
    key: str
    """What its events are recognised by when they come again."""
    events: tuple[ProviderEvent, ...]


class EventQueueReader:
    """Reads one queue, from ``start`` to ``stop``.

    The events are recorded before they are noted as read, and their messages are deleted last. So a
    kill loses none, and what comes again changes nothing.
    """

    def __init__(
        self,
        source: PolledQueue,
        recorder: FeedbackRecorder,
        notes: NoteStore,
        http: Http,
        take_turn: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        """``take_turn`` tells whether this node asks now; None: there are no others."""
        self._source, self._recorder, self._notes = source, recorder, notes
        self._http, self._take_turn = http, take_turn
        self._failures = PollFailures(source.name, AGAIN, recorder.report)
        self._most = BATCH
        self._unread: OrderedDict[str, None] = OrderedDict()
        """The ids of messages without an event."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once: what is not deleted comes again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                wait = await self.read_once()
            except Exception as error:  # noqa: BLE001 - the next try may succeed
                wait = self._failures.add(explain(error))
            await asyncio.sleep(wait * random.uniform(0.9, 1.1))  # noqa: S311 - no secret

    async def read_once(self) -> float:
        """Take some messages from the queue; return the least number of seconds to wait until the
        next. Raises GatepostError."""
        source = self._source
        if self._take_turn is not None and not await self._take_turn(f"queue {source.name}"):
            return AGAIN
        try:
            messages = await self._receive()
            received = await asyncio.to_thread(self._read, messages)
            count = await self._record(received)
            await self._delete([each.message for each in received])
        except (NoList, GatepostError) as error:
            return self._failures.add(source.sign_in.hidden.redact(str(error)))
        self._failures.end()
        known = {each.message.id for each in received}
        self._tell_unread([each.id for each in messages if each.id not in known])
        return 0.0 if count else PAUSE

    async def _receive(self) -> Sequence[SqsMessage]:
        request = await self._source.sign_in.authorize(receive(self._source.url, self._most))
        try:
            response = await self._http.ask(request)
        except RemoteProtocolError:
            self._most = 1  # they may be too long together
            raise
        self._most = min(BATCH, 2 * self._most)
        return read_messages(response)

    def _read(self, messages: Sequence[SqsMessage]) -> Sequence[_ReadMessage]:
        """Return what can be read."""
        read: list[_ReadMessage] = []
        for each in messages:
            try:
                value = read_notification(each.body)
                events = () if is_test(value) else _events(self._source.provider, value)
            except ValueError:
                continue
            read.append(_ReadMessage(each, event_key(value), events))
        return read

    async def _record(self, received: Sequence[_ReadMessage]) -> int:
        """Record what is new; return how many messages are."""
        scope, now = f"queued {self._source.name}", self._recorder.now()
        new: dict[str, tuple[ProviderEvent, ...]] = {}
        for each in received:
            if each.key not in new and await self._notes.find(scope, [each.key]) is None:
                new[each.key] = each.events
        if new:
            batch = EventBatch(tuple([event for some in new.values() for event in some]))
            await self._recorder.record(self._source.name, self._source.targets, batch)
            await self._notes.put([Note(scope, key, "", now + REMEMBERED) for key in new])
        return len(new)

    async def _delete(self, messages: Sequence[SqsMessage]) -> None:
        if messages:
            request = await self._source.sign_in.authorize(delete(self._source.url, messages))
            check_deleted(await self._http.ask(request))

    def _tell_unread(self, ids: Sequence[str]) -> None:
        """Report messages that are no events, once: they stay, because they may be somebody's."""
        new = [each for each in ids if each not in self._unread]
        if new:
            self._recorder.report("feedback_malformed", source=self._source.name, count=len(new))
        self._unread.update(dict.fromkeys(new))
        while len(self._unread) > MOST_UNREAD:
            self._unread.popitem(last=False)


def _events(provider: EventProvider, value: Any) -> tuple[ProviderEvent, ...]:
    """Return the events in a message. Raises ValueError if there is none."""
    batch = read_events(provider, value)
    if batch.malformed or not batch.events or not all(each.kind for each in batch.events):
        raise ValueError("this is no event of the provider")
    return batch.events
