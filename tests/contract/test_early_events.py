"""Events that come before their mail is recorded: kept in any store, found later, and bounded."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gatepost.errors import QueueError
from gatepost.feedback import early_events
from gatepost.feedback.early_events import LATEST, LOOK, TRIED_FOR, EarlyEvents
from gatepost.feedback.provider_events import EventBatch, ProviderEvent
from gatepost.feedback.recorder import FeedbackRecorder
from gatepost.model.address import parse_address
from gatepost.model.delivery import Addressee, Attempt, Contact, Delivery, Fate, State
from gatepost.model.envelope import Recipient
from gatepost.model.note import FOREVER, Note
from gatepost.model.reply import Reply
from gatepost.model.route import NextHop
from gatepost.queue.accepted_mail import AcceptedMail, id_key, message_id_key, scope_of
from gatepost.queue.delivery_marks import DeliveryMarks
from gatepost.reports.relayed_outcomes import Feedback
from tests.contract.messages import NOON
from tests.contract.stores import AnyStore, run

ANN, BOB = "ann@example.net", "bob@example.net"
SCOPE = "early mg"


def event(id_: str, *to: str, **more: Any) -> ProviderEvent:
    people = tuple([(each, "550 5.1.1 unknown") for each in to or (ANN,)])
    return replace(ProviderEvent("failed", "bounced", "", people, NOON, "", id_), **more)


def delivery(id: str, address: str, state: State, fate: Fate) -> Delivery:
    taken = Attempt(NOON, Contact("out"), "content", Reply(250, "ok"), True)
    addressee = Addressee(Recipient(parse_address(address)), fate)
    one = Delivery(id, "m", NextHop("out"), (addressee,), state, None, NOON, NOON)
    return replace(one, history=(taken,)) if state == "settled" else one


class Queue:
    """The deliveries of one message."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []

    async def find(self, message: str) -> Sequence[Delivery]:
        return self.deliveries if message == "m" else ()

    async def message(self, id: str) -> str:
        return id


class Outcomes:
    def __init__(self) -> None:
        self.recorded: list[str] = []
        self.failures = 0
        self.has_recorded = asyncio.Event()

    async def record_feedback(self, _message: str, some: Sequence[Feedback]) -> None:
        if self.failures:
            self.failures -= 1
            raise QueueError("the disk is full")
        self.recorded += [each.recipient for each in some]
        if some:
            self.has_recorded.set()


class Node:
    """One relay of those that share a store, with clocks that only the test moves."""

    def __init__(
        self, store: AnyStore, queue: Queue, patch: pytest.MonkeyPatch | None = None
    ) -> None:
        self.notes, self.queue, self.outcomes = store.notes, queue, Outcomes()
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.seconds = 1000.0
        if patch is not None:
            patch.setattr(early_events, "_now", lambda: self.seconds)
        self.start()

    def start(self, take_turn: Callable[[str], Awaitable[bool]] | None = None) -> None:
        """Begin with what the store has."""
        queue: Any = self.queue
        outcomes: Any = self.outcomes
        self.recorder = FeedbackRecorder(
            queue, self.notes, outcomes, DeliveryMarks(b"k" * 32), self._report, self.now
        )
        self.early = EarlyEvents("mg", ("out",), self.recorder, self.notes, take_turn)
        self.recorder.keep_early = lambda _, some: self.early.keep(some)

    def _report(self, event: str, **facts: Any) -> None:
        self.told.append((event, facts))

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds - 1000)

    async def hear(self, *events: ProviderEvent) -> int:
        return await self.recorder.record("mg", ("out",), EventBatch(events))

    async def pass_time(self, seconds: float = 2.0) -> None:
        self.seconds += seconds
        await self.early.try_once()

    async def settle(self, id: str = "", message_id: str = "", address: str = ANN) -> None:
        """The next hop took the mail; its settlement is recorded."""
        self.queue.deliveries = [
            each for each in self.queue.deliveries if each.addressees[0].fate == "delivered"
        ] + [delivery(f"m.{len(self.queue.deliveries)}", address, "settled", "delivered")]
        mail = AcceptedMail("m").written()
        keys = [each for each in (id_key(id), message_id_key(message_id)) if each]
        await self.notes.put([Note(scope_of("out"), each, mail, FOREVER) for each in keys])

    def dropped(self) -> dict[str, int]:
        facts = [facts for name, facts in self.told if name == "feedback_dropped"]
        return {each["reason"]: each["count"] for each in facts}


@pytest.fixture
def node(store: AnyStore, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(store, Queue(), monkeypatch)


@pytest.mark.parametrize("named", [{"id": "4f1c000001"}, {"message_id": "<1@example.org>"}])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_an_early_event_is_found_once_its_mail_is_settled(
    node: Node, named: dict[str, str], *, is_restarted: bool
) -> None:
    async def steps() -> None:
        assert await node.hear(event("", **named)) == 0
        await node.pass_time()
        assert (node.outcomes.recorded, [name for name, _ in node.told]) == ([], ["feedback_kept"])
        if is_restarted:
            node.start()
        await node.settle(**named)
        await node.pass_time(LATEST)
        assert node.outcomes.recorded == [ANN]
        assert await node.notes.list(SCOPE, 9) == []
        await node.pass_time(LATEST)
        node.start()
        await node.pass_time(LATEST)
        assert node.outcomes.recorded == [ANN], "only once"

    run(steps())


def test_the_part_about_mail_that_is_settled_is_recorded_at_once(node: Node) -> None:
    async def steps() -> None:
        await node.settle(message_id="<1@a>")
        node.queue.deliveries.append(delivery("m.9", BOB, "leased", "waiting"))
        assert await node.hear(event("", ANN, BOB, message_id="<1@a>")) == 1
        assert node.outcomes.recorded == [ANN]
        await node.settle(message_id="<1@a>", address=BOB)
        await node.pass_time()
        assert node.outcomes.recorded == [ANN, BOB]
        assert await node.notes.list(SCOPE, 9) == []

    run(steps())


def test_what_is_about_nobody_in_settled_mail_is_not_kept(node: Node) -> None:
    async def steps() -> None:
        await node.settle("4f1c000001")
        assert await node.hear(event("4f1c000001", "else@example.net")) == 0
        assert await node.hear(event("", ANN)) == 0, "a recipient alone may be any mail's"
        assert [name for name, _ in node.told] == ["feedback_unmatched"] * 2
        assert await node.notes.list(SCOPE, 9) == []

    run(steps())


def test_the_same_event_is_kept_once(node: Node) -> None:
    async def steps() -> None:
        for _ in range(3):
            await node.hear(event("4f1c000001"))
        assert len(await node.notes.list(SCOPE, 9)) == 1

    run(steps())


def test_of_the_events_in_one_request_each_is_found_alone(node: Node) -> None:
    async def steps() -> None:
        await node.hear(event("4f1c000001", ANN), event("4f1c000002", BOB))
        await node.settle("4f1c000002", address=BOB)
        await node.pass_time()
        assert node.outcomes.recorded == [BOB]
        await node.settle("4f1c000001")
        await node.pass_time(LATEST)
        assert node.outcomes.recorded == [BOB, ANN]

    run(steps())


def test_what_could_not_be_recorded_is_tried_again(node: Node) -> None:
    async def steps() -> None:
        await node.hear(event("4f1c000001"))
        await node.settle("4f1c000001")
        node.outcomes.failures = 1
        with pytest.raises(QueueError):
            await node.pass_time()
        await node.pass_time(LATEST)
        assert node.outcomes.recorded == [ANN]

    run(steps())


def test_it_is_tried_less_and_less_often_for_a_day(node: Node) -> None:
    async def steps() -> None:
        await node.hear(event("4f1c000001"))
        waits = []
        for _ in range(12):
            waits.append(await node.early.try_once())
            node.seconds += waits[-1]
        assert waits == sorted(waits)
        assert (waits[0], waits[-1]) == (1.0, LATEST)
        await node.pass_time(TRIED_FOR.total_seconds())
        assert node.dropped() == {"it was about no mail of this relay for a day": 1}
        await node.settle("4f1c000001")
        await node.pass_time(LATEST)
        assert node.outcomes.recorded == []
        assert await node.notes.expire(node.now() + timedelta(seconds=1)) == 1

    run(steps())


def test_a_flood_of_foreign_events_is_bounded(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the store and in memory, and it costs no more than the oldest of them."""
    most = 256 * 1024
    monkeypatch.setattr(early_events, "MOST_OCTETS", most)

    async def kept_octets() -> int:
        return sum(len(each.value) for each in await node.notes.list(SCOPE, 100_000))

    async def steps() -> None:
        for number in range(300):  # one by one
            await node.hear(event(f"small-{number:06}"))
        for number in range(12):  # long lists, and long texts
            long = [event(f"{number}-{each:06}", "x" * 500 + ANN) for each in range(100)]
            await node.hear(*long)
            assert await kept_octets() <= most
        people = tuple([(f"{each}{ANN}", "x" * 100) for each in range(1000)])
        await node.hear(event("too-long-1", recipients=people))
        for number in range(1_000):
            await node.early.keep([event(f"tiny-{number:06}")])
        listed = await node.notes.list(SCOPE, 100_000)
        assert len(listed) <= most // early_events.NOTE
        await node.hear(event("4f1c000001"))
        await node.settle("4f1c000001")
        await node.pass_time()
        assert node.outcomes.recorded == [ANN]
        assert node.dropped()["it is too long"] == 1
        assert node.dropped()["too many were kept"] > 1_000
        told = len(node.told)
        for number in range(50):
            await node.early.keep([event(f"more-{number:06}")])
            await node.early.try_once()
        assert [name for name, _ in node.told[told:]] == ["feedback_kept"] * 50
        node.start()
        await node.pass_time()
        assert len(await node.notes.list(SCOPE, 100_000)) <= most // early_events.NOTE

    run(steps())


def test_another_node_finds_what_one_left(store: AnyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the first, if it comes back, records nothing again."""
    queue = Queue()
    one, two = Node(store, queue, monkeypatch), Node(store, queue, monkeypatch)
    monkeypatch.setattr(early_events, "_now", lambda: max(one.seconds, two.seconds))
    asked: list[str] = []

    async def take_turn(key: str) -> bool:
        asked.append(key)
        return True

    async def steps() -> None:
        for each in (one, two):
            each.start(take_turn)
            await each.early.try_once()
        await one.hear(event("4f1c000001"))
        await two.settle("4f1c000001")
        await two.pass_time(LOOK)
        assert two.outcomes.recorded == [ANN]
        assert set(asked) == {SCOPE}
        await one.pass_time(LATEST)
        assert one.outcomes.recorded == []

    run(steps())


def test_notes_of_a_later_version_are_left_alone(node: Node) -> None:
    async def steps() -> None:
        for value in ("", "[7]", '[{"kind": 1}]', "[" * 5_000):
            await node.notes.put([Note(SCOPE, value[:9], value, NOON + TRIED_FOR)])
        await node.pass_time()
        assert node.told == []

    run(steps())


def test_it_runs_by_itself(store: AnyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_events, "FIRST", 0.01)
    node = Node(store, Queue())

    async def steps() -> None:
        node.early.start()
        await node.hear(event("4f1c000001"))
        await node.settle("4f1c000001")
        await node.outcomes.has_recorded.wait()
        await node.early.stop()
        assert node.outcomes.recorded == [ANN]

    run(steps())
