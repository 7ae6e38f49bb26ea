"""A provider's list of events is read to its end, from where the last round had begun."""

import asyncio
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from gatepost.client.provider_sign_in import BasicKeySignIn
from gatepost.config.provider_events_file import read_event_provider
from gatepost.errors import QueueError, TimedOut
from gatepost.feedback.event_poller import EventPoller, PolledSource
from gatepost.feedback.poll_failures import LONGEST
from gatepost.feedback.provider_events import EventBatch
from gatepost.feedback.recorder import FeedbackRecorder
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpRequest, HttpResponse
from gatepost.testing.memory import MemoryStore

URL = "https://api.test/v3/mg.example.com/events"
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
MAILGUN = read_event_provider("mailgun")
SIZE = 2
"""Events on a page."""


class Provider:
    """Plays Mailgun: its list, by pages."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: list[HttpRequest] = []
        self.failures: list[HttpResponse | Exception] = []
        """What is answered instead, one after the other."""

    def add(self, recipient: str, at: datetime) -> None:
        self.events.append(
            {"event": "delivered", "recipient": recipient, "timestamp": at.timestamp()}
        )

    async def ask(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure
        query = dict(parse_qsl(urlsplit(request.url).query))
        since = float(query.get("begin", 0))
        there = sorted(
            [each for each in self.events if each["timestamp"] >= since],
            key=lambda each: float(each["timestamp"]),
        )
        page = int(query.get("page", 0))
        shown = there[page * SIZE : (page + 1) * SIZE]
        link = f"{URL}?begin={since}&page={page + 1}"
        return HttpResponse(200, {}, json.dumps(
            {"items": shown, "paging": {"next": link}}).encode())  # fmt: skip

    async def close(self) -> None:
        """There is nothing to close."""


class Recorder:
    """Keeps what is recorded; fails as often as it is told."""

    def __init__(self) -> None:
        self.time = START
        self.recorded: list[str] = []
        self.malformed = 0
        self.told: list[tuple[str, str]] = []
        self.failures = 0

    def report(self, event: str, **facts: Any) -> None:
        self.told.append((event, str(facts.get("reason", ""))))

    def now(self) -> datetime:
        return self.time

    async def record(self, source: str, targets: Collection[str], batch: EventBatch) -> int:
        assert (source, targets) == ("mg", ("out",))
        if self.failures:
            self.failures -= 1
            raise QueueError("the disk is full")
        self.recorded += [recipient for each in batch.events for recipient, _ in each.recipients]
        self.malformed += batch.malformed
        return len(batch.events)


class World:
    def __init__(self) -> None:
        self.provider, self.recorder, self.store = Provider(), Recorder(), MemoryStore()
        self.told = self.recorder.told
        self.may_ask = True

    def poller(self) -> EventPoller:
        """Return one that begins anew, as after a restart."""
        sign_in = BasicKeySignIn("key", "api", lambda: Secret("key-1"))
        source = PolledSource("mg", "mg", MAILGUN, MAILGUN.polls[0], URL, ("out",), 60.0, sign_in)
        recorder = cast("FeedbackRecorder", self.recorder)
        return EventPoller(source, recorder, self.store.notes, self.provider, self._take_turn)

    async def _take_turn(self, key: str) -> bool:
        assert key == "poll mg"
        return self.may_ask

    def advance(self, minutes: float) -> None:
        self.recorder.time += timedelta(minutes=minutes)


@pytest.fixture
def world() -> World:
    return World()


def poll(poller: EventPoller) -> float:
    return asyncio.run(asyncio.wait_for(poller.poll_once(), 30))


def test_all_pages_are_read_and_nothing_twice(world: World) -> None:
    poller = world.poller()
    for number in range(5):
        world.provider.add(f"a{number}@x.test", START + timedelta(seconds=number))
    for _ in range(3):
        assert poll(poller) == 0.0
        world.advance(1)
    assert world.recorder.recorded == [f"a{number}@x.test" for number in range(5)]
    assert world.told == []
    assert world.provider.asked[0].headers["authorization"] == "Basic YXBpOmtleS0x"


def test_after_a_restart_it_goes_on_where_it_was(world: World) -> None:
    poll(world.poller())
    world.provider.add("old@x.test", START + timedelta(seconds=1))
    world.advance(1)
    poll(world.poller())
    world.advance(24 * 60)  # the relay was down for a day
    world.provider.add("while-down@x.test", START + timedelta(hours=1))
    poll(world.poller())
    assert world.recorder.recorded == ["old@x.test", "while-down@x.test"]


def test_an_event_that_appears_late_is_found(world: World) -> None:
    poller = world.poller()
    world.advance(60)
    poll(poller)
    world.provider.add("late@x.test", world.recorder.time - timedelta(minutes=20))
    world.advance(1)
    poll(poller)
    assert world.recorder.recorded == ["late@x.test"]


def test_what_could_not_be_recorded_is_read_again(world: World) -> None:
    """On the second page, so that the first one is not recorded again."""
    for number in range(4):
        world.provider.add(f"a{number}@x.test", START + timedelta(seconds=number))
    world.provider.failures = []
    poller = world.poller()
    record = world.recorder.record

    async def fail_at_second(*args: Any) -> int:
        if len(world.recorder.recorded) == SIZE and not world.told:
            world.recorder.failures = 1
        return await record(*args)

    world.recorder.record = fail_at_second  # type: ignore[assignment,method-assign]
    assert poll(poller) > 0
    assert world.told == [("polling_failed", "the disk is full")]
    poll(world.poller())
    assert world.recorder.recorded == [f"a{number}@x.test" for number in range(4)]


@pytest.mark.parametrize(
    ("failure", "reason", "least"),
    [
        (HttpResponse(429, {"retry-after": "300"}), "the API answered HTTP 429", 300),
        (HttpResponse(429, {"retry-after": "999999"}), "the API answered HTTP 429", LONGEST),
        (HttpResponse(401), "the API answered HTTP 401", 60),
        (HttpResponse(503), "the API answered HTTP 503", 60),
        (HttpResponse(302, {"location": "https://evil.test"}), "the API answered HTTP 302", 60),
        (HttpResponse(200, {}, b"Mailgun Magnificent API"), "the response is no JSON", 60),
        (HttpResponse(200, {}, b"[" * 100_000), "the response is no JSON", 60),
        (HttpResponse(200, {}, b"{}"), "the response has no list items", 60),
        (TimedOut("no answer"), "no answer", 60),
    ],
)
def test_failures_are_told_once_and_waited_for(
    world: World, failure: HttpResponse | Exception, reason: str, least: float
) -> None:
    poller, waits = world.poller(), []
    for _ in range(12):
        world.provider.failures = [failure]
        waits.append(poll(poller))
    assert world.told == [("polling_failed", reason)]
    assert least <= waits[0] <= LONGEST
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST
    world.provider.failures = []
    assert poll(poller) == 0.0
    assert world.told[-1][0] == "polling_works"


@pytest.mark.parametrize("junk", [7, "x", None, True, [], [{}], 1e300])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_no_event_costs_nothing_around_it(world: World, junk: Any, place: int) -> None:
    for number in range(2):
        world.provider.add(f"a{number}@x.test", START)
    items = [*world.provider.events]
    items.insert(place, junk)
    page = json.dumps({"items": items, "paging": {}}).encode()
    poller = world.poller()
    for _ in range(2):
        world.provider.failures = [HttpResponse(200, {}, page)]
        assert poll(poller) == 0.0
    assert world.recorder.recorded == ["a0@x.test", "a1@x.test"]
    assert (world.recorder.malformed, world.told) == (1, [])


def test_a_node_without_the_turn_asks_nothing(world: World) -> None:
    world.may_ask = False
    assert poll(world.poller()) == 0.0
    assert world.provider.asked == []


def test_a_long_list_is_read_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.feedback.event_poller.MOST_PAGES", 3)
    monkeypatch.setattr("gatepost.feedback.event_poller.BETWEEN", 0.0)
    for number in range(20):
        world.provider.add(f"a{number}@x.test", START + timedelta(seconds=number))
    poller = world.poller()
    poll(poller)
    assert len(world.provider.asked) == 3
    for _ in range(3):
        world.advance(60)  # what comes meanwhile is behind the rest
        poll(poller)
    poll(world.poller())
    assert len(set(world.recorder.recorded)) == len(world.recorder.recorded) == 20
