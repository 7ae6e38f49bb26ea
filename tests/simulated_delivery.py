"""The delivering half of a relay on a simulated clock, with simulated upstream servers.

``Virtual`` runs a coroutine in a loop whose time passes only while every task waits: five days of a
queue take no longer than the work that is done in them.
"""

import asyncio
import itertools
import random
import selectors
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gatepost.errors import GatepostError, Phase
from gatepost.model.address import parse_address
from gatepost.model.body import Body, BytesBody
from gatepost.model.delivery import Attempt, Contact, Delivery, Lease, State, Verdict, VerdictKind
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.evidence import Evidence
from gatepost.model.message import Submission
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import (
    HopLimits,
    Match,
    MxTarget,
    Retry,
    Route,
    ServerAddress,
    Smarthost,
    SmarthostTarget,
    Target,
)
from gatepost.queue.attempt_result import AttemptResult, ErrorReply
from gatepost.queue.attempt_slots import Slots
from gatepost.queue.cluster_contract import Cluster
from gatepost.queue.deliveries_contract import Deliveries, QueueSelection
from gatepost.relay.attempt import AttemptRunner
from gatepost.relay.attempt_admission import AttemptAdmission
from gatepost.relay.attempt_feedback import AttemptFeedback
from gatepost.relay.deliverer import Bounds, Deliverer
from gatepost.relay.descriptor_alarm import DescriptorAlarm
from gatepost.relay.in_flight import InFlight
from gatepost.relay.notifier import Notifier
from gatepost.relay.routed_store import RoutedStore
from gatepost.relay.routes import Routes
from gatepost.relay.server_lookup import Own, ServerLookup
from gatepost.relay.settler import Settler
from gatepost.relay.shared_by_delivery import DeliveryContext
from gatepost.relay.target_choice import TargetChoice
from gatepost.relay.transport.reply_verdicts import verdict_kind
from gatepost.testing.clock import FakeClock
from gatepost.testing.dns import ScriptedResolver
from gatepost.testing.memory import MemoryDeliveries, MemoryStore

OK = Reply(250, "queued as 1", Esc(2, 0, 0))
GREYLISTED = Reply(450, "come back", Esc(4, 2, 0))
UNKNOWN = Reply(550, "no such user", Esc(5, 1, 1))
REFUSED = Reply(535, "Authentication unsuccessful", Esc(5, 7, 3))
TOO_MANY = Esc(5, 5, 3)
NO_CONNECTION = Reply(451, "No connection", Esc(4, 4, 1))
ALL: tuple[State, ...] = ("waiting", "leased", "held", "settled")
A_RECORD = "example.net. A 192.0.2.1"


_UNSEEN = 16
"""Turns of a busy loop without a look at what threads have done."""


class _Selector(selectors.SelectSelector):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._turns = 0

    def select(self, timeout: float | None = None) -> Any:
        self._turns += 1
        if timeout == 0 and self._turns % _UNSEEN:
            return []
        events = super().select(0)
        if not events:
            assert timeout is not None, "nothing will ever happen any more"
            self._clock.advance(max(0.0, timeout))
        return events


class Virtual(asyncio.SelectorEventLoop):
    """An event loop whose time is a FakeClock's."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(_Selector(clock))
        self._fake = clock

    def time(self) -> float:
        return self._fake.monotonic()


def run(clock: FakeClock, main: Coroutine[Any, Any, Any]) -> Any:
    """Run ``main`` to its end, then cancel the tasks that are left."""
    with asyncio.Runner(loop_factory=lambda: Virtual(clock)) as runner:
        return runner.run(main)


async def _end_all() -> None:
    """Cancel all tasks, including those that cancelled tasks start."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer to one attempt."""

    replies: tuple[Reply, ...] = (OK,)
    """One for all recipients, or one for each."""
    phase: Phase = "content"
    is_remote: bool = True
    seconds: float = 0.0
    retry_after: float = 0.0
    error: GatepostError | None = None
    passed_on: bool = False
    own: tuple[Reply, ...] = ()
    """Replies of the server to an attempt that ended with a reply of our own."""
    fault: Exception | None = None
    """An error that the transport raises."""
    is_kept: bool = False
    has_shown_secret: bool = True
    evidence: Evidence | None = None


def refused_before_mail(reply: Reply, phase: Phase = "auth", **other: Any) -> Answer:
    return Answer((reply,), phase, **other)


def unreachable(seconds: float = 0.0) -> Answer:
    error = GatepostError("connection refused")
    reply = NO_CONNECTION.because("connection refused")
    return Answer((reply,), "connect", is_remote=False, seconds=seconds, error=error)


Say = Callable[[Lease, ServerAddress], Answer]
_BEFORE_MAIL = ("connect", "greeting", "ehlo", "starttls", "tls", "auth")


class Upstream:
    """A Transport that answers as the test says, and keeps what it was asked."""

    def __init__(self, target: Target, say: Say | Answer = Answer()) -> None:
        self.target, self.say = target, say
        self.tries: list[tuple[datetime, str, tuple[str, ...]]] = []
        """Time, target and recipients of each attempt."""
        self.taken: list[tuple[str, str]] = []
        """Message id and recipient of each accepted delivery."""
        self.contents: dict[str, bytes] = {}
        self.envelopes: dict[str, Envelope] = {}
        self.open = self.most_open = 0
        self.closed = self.retired = False
        self.steps: dict[str, Phase] = {}
        """The phase in which each delivery waits."""
        self.now: Callable[[], datetime]
        self.greeted: Callable[[str], None] = lambda _: None

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> AttemptResult:
        assert deadline > asyncio.get_running_loop().time()
        answer = self.say if isinstance(self.say, Answer) else self.say(lease, server)
        names = tuple([str(each.address) for each in lease.delivery.waiting])
        self.tries.append((self.now(), str(server), names))
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        self.steps[lease.delivery.id] = answer.phase
        if answer.phase not in ("connect", "greeting"):
            self.greeted(lease.delivery.id)
        try:
            await asyncio.sleep(answer.seconds)
        finally:
            self.open -= 1
        if answer.fault is not None:
            raise answer.fault
        return self._handed(lease, body, server, answer)

    def _handed(
        self, lease: Lease, body: Body, server: ServerAddress, answer: Answer
    ) -> AttemptResult:
        waiting = lease.delivery.waiting
        replies = answer.replies * len(waiting) if len(answer.replies) == 1 else answer.replies
        early = answer.phase in _BEFORE_MAIL
        verdicts = []
        for recipient, reply in zip(waiting, replies, strict=True):
            outcome: VerdictKind = "deferred"
            if reply.is_success:
                outcome = "delivered"
                self.taken.append((lease.message.id, str(recipient.address)))
                self.envelopes[lease.message.id] = lease.envelope
                self.contents[lease.message.id] = b"".join(body.chunks())
            elif not early and reply.status != TOO_MANY:
                outcome = verdict_kind(reply, answer.phase)
            verdicts.append(Verdict(outcome, reply, is_remote=reply in answer.own))
        bad = [each for each in replies if not each.is_success]
        said = bad[0] if bad else replies[-1]
        identity = getattr(self.target, "credential", "")
        contact = Contact(self.target.name, server.host, server.address, identity=identity)
        now = self.now()
        attempt = Attempt(now, contact, answer.phase, said, answer.is_remote, answer.seconds)
        heard = tuple([ErrorReply(each, answer.phase) for each in dict.fromkeys(bad)])
        return AttemptResult(
            attempt,
            tuple(verdicts),
            heard if answer.is_remote else (),
            sum(each.is_success for each in replies),
            answer.passed_on,
            retry_after=answer.retry_after,
            error=answer.error,
            evidence=answer.evidence,
            is_kept=answer.is_kept,
            has_shown_secret=answer.has_shown_secret,
        )

    def watch(self, greeted: Callable[[str], None]) -> None:
        self.greeted = greeted

    def step(self, delivery: str) -> Phase:
        return self.steps[delivery]

    async def retire(self) -> None:
        self.retired = True

    async def close(self) -> None:
        self.closed = True


class Gate:
    """A store that can be taken away from a relay: every later call then waits for ever.

    ``faults`` are raised once, by the call that they are for; those in ``stuck`` wait for an event.
    """

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self.is_open = True
        self.faults: dict[str, Exception] = {}
        self.stuck: dict[str, asyncio.Event] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._deliveries, name)

        def ask(*arguments: Any, **named: Any) -> Any:
            if name in self.faults:
                raise self.faults.pop(name)
            if name in self.stuck:
                return self._ask_later(self.stuck[name], method, *arguments, **named)
            if self.is_open:
                return method(*arguments, **named)
            return asyncio.get_running_loop().create_future()

        return ask

    @staticmethod
    async def _ask_later(event: asyncio.Event, method: Any, *arguments: Any, **named: Any) -> Any:
        await event.wait()
        return await method(*arguments, **named)


class World:
    """Upstreams, routes, a queue, and the relays that work on it one after the other."""

    def __init__(
        self,
        upstreams: Iterable[Upstream],
        routes: Sequence[Route],
        *,
        dns: str = "",
        bounds: Bounds = Bounds(),  # noqa: B008
        slots: Slots | None = None,
        own: Own = Own(("relay.example",), ("192.0.2.25",)),  # noqa: B008
        seed: int = 1,
    ) -> None:
        self.clock = FakeClock()
        self.deliveries = MemoryDeliveries()
        self.captured = MemoryStore()
        self.upstreams: Mapping[str, Upstream] = {each.target.name: each for each in upstreams}
        for each in self.upstreams.values():
            each.now = self.clock.now
        self.routes = Routes(routes)
        self.resolver = ScriptedResolver(dns)
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.alarms: dict[str, str] = {}
        self.wire = InFlight(slots)
        self.cluster: Cluster | None = None
        self._ids = itertools.count(1)
        self._bounds, self._own, self._random = bounds, own, random.Random(seed)
        self.gate: Gate
        self.deliverer: Deliverer
        self.store: RoutedStore

    def report(self, event: str, **facts: Any) -> None:
        self.reports.append((event, facts))

    def told(self, event: str) -> list[dict[str, Any]]:
        return [facts for name, facts in self.reports if name == event]

    async def start(self) -> None:
        """Start a relay on the queue."""
        self._make()
        await self.deliverer.start()
        self.store = RoutedStore(
            self.captured,
            self.gate,
            self.deliverer,
        )

    async def reload(self) -> "asyncio.Task[None]":
        """Start another deliverer, as a reload does; return the task that ends the earlier one."""
        before = self.deliverer
        self._make()
        self.store.use(self.deliverer)
        await before.retire(self.deliverer, 2)
        await self.deliverer.start(before.epoch)
        return asyncio.create_task(before.stop(20, patient=True))

    def _make(self) -> None:
        self.gate = Gate(self.deliveries)
        report, seconds, chance = self.report, self.clock.monotonic, self._random.random
        context = DeliveryContext(self.gate, self.routes, report, self.clock.now, self.cluster)
        notifier = Notifier("relay.example", lambda: f"n{next(self._ids)}", self.routes, report)
        admission = AttemptAdmission(seconds, chance, wire=self.wire)
        lookup = ServerLookup(self.resolver, self._own, seconds, chance)
        feedback = AttemptFeedback(admission, chance, report, alarms=self.alarms)
        choice = TargetChoice(lookup, admission, DescriptorAlarm(report))
        attempts = AttemptRunner(self.upstreams, choice, feedback, self.clock.now)
        self.deliverer = Deliverer(
            context, Settler(context, notifier, chance), attempts, self._bounds
        )

    async def kill(self) -> None:
        """End the relay so that nothing it still does reaches the queue."""
        self.gate.is_open = False
        await self.deliverer.stop(0)

    async def send(self, submission: Submission) -> None:
        await self.store.put(submission)

    async def states(self) -> dict[str, str]:
        found = await self.deliveries.list(QueueSelection(states=ALL))
        return {each.id: each.state for each in found}

    async def delivery(self, id_: str) -> Delivery:
        [found] = await self.deliveries.find(id_)
        return found

    def run(self, scenario: Callable[["World"], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            await self.start()
            try:
                await scenario(self)
            finally:
                await _end_all()

        run(self.clock, main())

    def mail(
        self,
        id_: str = "m1",
        sender: str = "alice@example.org",
        to: Sequence[str | Recipient] = ("bob@example.net",),
        **other: Any,
    ) -> Submission:
        recipients = [
            each if isinstance(each, Recipient) else Recipient(parse_address(each)) for each in to
        ]
        envelope = Envelope(parse_address(sender) if sender else None, tuple(recipients))
        content = BytesBody(b"Subject: hello\r\n\r\nHello.\r\n")
        usual = Submission(id_, envelope, content, b"Received: by relay\r\n", self.clock.now())
        return replace(usual, **other)


def smarthost(name: str = "hub", hosts: Sequence[str] = ("hub.example",), **other: Any) -> Target:
    servers = tuple([Smarthost(each, priority=number) for number, each in enumerate(hosts)])
    return SmarthostTarget(name, servers, **other)


def mx(name: str = "direct", **other: Any) -> MxTarget:
    return MxTarget(name, **other)


def route(*chain: Target, name: str = "out", to: Sequence[str] = (), **other: Any) -> Route:
    return Route(name, chain, Match(tuple(to)), **other)


def steady(**other: Any) -> Retry:
    """Return a schedule without jitter."""
    return Retry(jitter=0.0, **other)


def limits(**other: Any) -> HopLimits:
    return HopLimits(**other)


def one_hub(say: Say | Answer = Answer(), **target: Any) -> tuple[World, Upstream]:
    """Return a world with one smarthost that gets all mail."""
    hub = Upstream(smarthost(**target), say)
    return World([hub], [route(hub.target, retry=steady())]), hub


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
