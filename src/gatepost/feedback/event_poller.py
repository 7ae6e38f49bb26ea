"""Reads the events of a provider from its API, again and again, one node at a time."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gatepost.client.http_sign_in import HttpSignIn
from gatepost.errors import GatepostError
from gatepost.feedback.event_lists import (
    EventPage,
    NoList,
    event_key,
    first_url,
    polled_provider,
    read_page,
)
from gatepost.feedback.poll_failures import LONGEST, PollFailures
from gatepost.feedback.provider_events import read_body, read_events
from gatepost.feedback.recorder import FeedbackRecorder
from gatepost.model.note import FOREVER, Note
from gatepost.model.provider_events import EventPoll, EventProvider
from gatepost.net.http_client import Http, HttpRequest
from gatepost.queue.notes_contract import NoteStore
from gatepost.relay.safe_error_text import explain

MOST_PAGES: Final = 1_000
"""Pages of one round; the next round goes on behind them."""
REMEMBERED: Final = 50_000
"""Keys of events in memory; the store has those before them."""
BETWEEN: Final = 0.1
"""Seconds between two pages."""
TURN: Final = 120.0
"""Seconds for which a node that does not ask any more keeps others from asking."""


@dataclass(frozen=True, slots=True)
class PolledSource:
    """One list of events, and where to ask for it."""

    name: str
    """The provider's name in the configuration, and the number of the list if it has several."""
    source: str
    provider: EventProvider
    poll: EventPoll
    url: str
    targets: tuple[str, ...]
    every: float
    """Seconds between two rounds."""
    sign_in: HttpSignIn


class EventPoller:
    """Reads one list, from ``start`` to ``stop``.

    A round reads everything since the last complete one, with an overlap; each event is recorded
    before it is noted as read, and the time of the round is noted last. So a kill loses none, and
    what is read again changes nothing.
    """

    def __init__(
        self,
        source: PolledSource,
        recorder: FeedbackRecorder,
        notes: NoteStore,
        http: Http,
        take_turn: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        """``take_turn`` tells whether this node asks now; None: there are no others."""
        self._source, self._recorder, self._notes = source, recorder, notes
        self._http, self._take_turn = http, take_turn
        self._failures = PollFailures(source.source, source.every, recorder.report)
        self._provider = polled_provider(source.provider, source.poll)
        self._read: OrderedDict[str, None] = OrderedDict()
        """The keys of the last events, which are on the next pages again."""
        self._rest: tuple[datetime, str] | None = None
        """When a round began that was too long, and the URL of its next page."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once: what is not recorded will be read again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            wait = self._source.every
            try:
                wait = max(wait, await self.poll_once())
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                wait = self._failures.add(explain(error))
            await asyncio.sleep(wait * random.uniform(0.9, 1.1))  # noqa: S311 - no secret

    async def poll_once(self) -> float:
        """Make one round; return the least number of seconds to wait until the next. Raises
        GatepostError."""
        source, now = self._source, self._recorder.now()
        began, url = self._rest or (now, "")
        self._rest = None
        if self._take_turn is not None and not await self._take_turn(f"poll {source.name}"):
            return 0.0
        try:
            url = url or first_url(source.poll, source.url, await self._since(now), now)
            retry_after = await self._read_pages(url, began)
        except (NoList, GatepostError) as error:
            return self._failures.add(str(error))
        if retry_after > 0:
            return retry_after
        if self._rest is None:
            await self._notes.put([Note("polled", source.name, began.isoformat(), FOREVER)])
        self._failures.end()
        return 0.0

    async def _since(self, now: datetime) -> datetime:
        """Return the time from which on events are read; at first, that of our start."""
        overlap = timedelta(seconds=self._source.poll.overlap)
        text = await self._notes.find("polled", [self._source.name])
        with suppress(ValueError):
            if text is not None:
                return min(datetime.fromisoformat(text).astimezone(UTC), now) - overlap
        return now - overlap

    async def _read_pages(self, url: str, began: datetime) -> float:
        """Read and record all pages from a URL on, of a round that ``began`` then; return the
        seconds that the provider asks to wait."""
        source, now = self._source, self._recorder.now()
        for number in range(MOST_PAGES):
            if number:
                await asyncio.sleep(BETWEEN)
                if self._take_turn is not None and not await self._take_turn(f"poll {source.name}"):
                    return BETWEEN  # another node goes on
            request = await source.sign_in.authorize(HttpRequest("GET", url))
            response = await self._http.ask(request)
            if response.status != 200:
                return self._refused(response.status, response.retry_after(now))
            page = read_page(source.poll, url, await asyncio.to_thread(_value, response.body))
            await self._record(page, now)
            if not page.next:
                return 0.0
            url = page.next
        self._rest = began, url
        return 0.0

    async def _record(self, page: EventPage, now: datetime) -> None:
        source = self._source
        scope, until = f"read {source.name}", now + 2 * timedelta(seconds=source.poll.overlap)
        until = max(until, now + timedelta(days=2))
        new: dict[str, Any] = {}
        for each in page.events:
            key = event_key(each)
            if key in new or key in self._read:
                continue
            if await self._notes.find(scope, [key]) is None:
                new[key] = each
        if not new:
            return
        try:
            batch = await asyncio.to_thread(read_events, self._provider, list(new.values()))
        except ValueError as error:
            raise NoList(str(error)) from None
        await self._recorder.record(source.source, source.targets, batch)
        await self._notes.put([Note(scope, key, "", until) for key in new])
        self._read.update(dict.fromkeys(new))
        while len(self._read) > REMEMBERED:
            self._read.popitem(last=False)

    def _refused(self, status: int, retry_after: float) -> float:
        wait = self._failures.add(f"the API answered HTTP {status}")
        return max(wait, min(retry_after, LONGEST))


def _value(body: bytes) -> Any:
    try:
        return read_body(body)
    except ValueError:
        raise NoList("the response is no JSON") from None
