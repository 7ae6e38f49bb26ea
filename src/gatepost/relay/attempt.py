"""One attempt at a delivery: tries the targets of its route in turn, and the servers of each."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, cast

from gatepost.errors import GatepostError, NoDescriptor, Phase, TimedOut
from gatepost.model.body import Body
from gatepost.model.delivery import Attempt, Contact, Delivery, Lease, Outcome, Verdict
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import MxTarget, Route, ServerAddress, Target
from gatepost.net.descriptors import Use, check_room, no_descriptor
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.feedback import lesson_of
from gatepost.queue.unsettled import UNSETTLED, is_unsettled
from gatepost.queue.why import Progress, Step
from gatepost.relay.descriptors import DescriptorAlarm
from gatepost.relay.feedback import AttemptFeedback, ServerAttempt
from gatepost.relay.in_flight import OpenAttempt
from gatepost.relay.permit import Permit
from gatepost.relay.server_lookup import ServerGroup, ServerLookup
from gatepost.relay.traffic import Traffic
from gatepost.relay.transport.contract import Transport
from gatepost.relay.wait import Wait
from gatepost.routing.route import may_try_next_host, may_try_next_target, next_target

TRY: Final = 1800.0
"""Seconds for one attempt at one server; each phase has its own limit (RFC 5321 4.5.3.2)."""
SPELL: Final = 2.0
"""Seconds until a message is tried again for which this process had no file descriptor."""
PATIENCE, MOMENT = 10.0, 0.1
"""Seconds to wait for the first login at the next target, after another one refused a message, and
between two checks. Without this the message would wait for its next scheduled attempt."""

Load = Callable[[], Awaitable[Body]]
"""Returns the content of a message. Raises KeyError, QueueError or OSError."""

_GIVEN_UP: Final = Reply(451, "No answer", Esc(4, 4, 2))
_CLOSING: Final = 421
_OF_MESSAGE: Final = frozenset({"mail", "rcpt", "data", "content"})
"""Phases whose replies are about the message, and so tell more than those of a busy server."""


@dataclass(frozen=True, slots=True)
class ReadyTarget:
    """A target that may be tried; ``permit`` None: its servers must be looked up first."""

    target: Target
    permit: Permit | None


class AttemptRunner:
    """Makes attempts; the caller records their results."""

    def __init__(
        self,
        transports: Mapping[str, Transport],
        servers: ServerLookup,
        traffic: Traffic,
        feedback: AttemptFeedback,
        now: Callable[[], datetime],
        alarm: DescriptorAlarm,
    ) -> None:
        """``transports`` are keyed by the names of their targets."""
        self._transports, self._lookup = transports, servers
        self._traffic, self._feedback, self._now = traffic, feedback, now
        self._alarm = alarm
        self._tried = traffic.wire.open_attempts
        for each in transports.values():
            each.watch(self._greeted)

    def choose(self, route: Route, destination: str) -> ReadyTarget | Wait:
        """Return the first target of the route that may be tried now, or the shortest wait."""
        shortest: Wait | None = None
        for target in route.chain:
            answer: Permit | Wait | None = self._lookup.wait_of(target, destination)
            if answer is None:
                group = self._lookup.cached(target, destination)
                if group is None:
                    return ReadyTarget(target, None)
                answer = self._traffic.admit(target, group)
            if isinstance(answer, Permit):
                return ReadyTarget(target, answer)
            if answer.pause is None:
                return answer  # a busy target is not down: wait for it
            if shortest is None or answer.seconds < shortest.seconds:
                shortest = answer
        return shortest or Wait("", TRY)

    def wait_of(self, route: Route, destination: str) -> Wait | None:
        """Return the shortest wait if all targets of the route are paused; None if one is not."""
        shortest: Wait | None = None
        for target in route.chain:
            wait = self._wait_of(target, destination)
            if wait is None:
                return None
            if shortest is None or wait.seconds < shortest.seconds:
                shortest = wait
        return shortest

    def _wait_of(self, target: Target, destination: str) -> Wait | None:
        """Return why a target is not used now; None if it may be, or is only busy."""
        wait = self._lookup.wait_of(target, destination)
        if wait is not None:
            return wait if wait.pause is not None else None
        group = self._lookup.cached(target, destination) or ServerGroup(())
        return self._traffic.wait_of(target, group)

    def limit(self, route: Route, destination: str) -> str:
        """Return the limit that the route has reached, as a sentence; empty if unknown."""
        if self._alarm.is_on:
            return f"cannot be connected to now: {no_descriptor()}"
        for target in route.chain:
            group = self._lookup.cached(target, destination)
            if group is not None and self._traffic.wait_of(target, group) is None:
                return self._traffic.limit(target, group)
        return ""

    def recipients(self, route: Route, destination: str) -> int | None:
        """Return how many recipients the first target that is not paused accepts per transaction;
        None: unknown. Where others accept fewer, the rest follows in further transactions."""
        for target in route.chain:
            group = self._lookup.cached(target, destination)
            if group is None:
                return None
            if self._traffic.wait_of(target, group) is None:
                return self._traffic.recipients(target, group)
        return None

    def progress(self, delivery: str) -> Progress:
        """Return where a delivery is being attempted, for how long, and which step it reached."""
        tried = self._tried.get(delivery)
        if tried is None:
            return Progress()
        seconds = self._traffic.seconds() - tried.begun
        return Progress(place=str(tried.server), seconds=seconds, step=tried.step(delivery))

    def forgive(self, ways: Iterable[tuple[Route, str]]) -> None:
        """End the pauses of all targets of routes, and of their servers for a destination each."""
        targets: dict[str, Target] = {}
        for route, destination in ways:
            for target in route.chain:
                targets[target.name] = target
                self._lookup.forgive(target, destination)
                if (group := self._lookup.cached(target, destination)) is not None:
                    self._traffic.forgive_servers(target, group)
        if targets:
            self._traffic.forgive(targets.values())

    async def run(
        self, lease: Lease, load: Load, route: Route, first: ReadyTarget
    ) -> AttemptResult | Wait:
        """Make an attempt, first at the target ``first``; a Wait if nothing could be tried.

        ``load`` returns the content. What it raises is raised.
        """
        if (holder := _holder(lease.delivery, route)) is not None:
            permit = first.permit if holder.name == first.target.name else None
            return await self._try_holder(lease, load, ReadyTarget(holder, permit))
        destination = lease.delivery.next_hop.destination
        asked = first.target
        tried = {asked.name}
        before: list[Attempt] = []
        last = answer = await self._try_target(lease, load, first.target, first.permit)
        while _may_fail_over(answer):
            target = next_target(
                route.chain, tried, lambda each: self._is_paused(each, destination)
            )
            if target is None:
                break
            tried.add(target.name)
            answer = await self._try_in_turn(lease, load, target)
            if isinstance(answer, AttemptResult) or isinstance(last, Wait):
                before += [last.attempt] if isinstance(last, AttemptResult) else []
                last, asked = answer, target
        if isinstance(last, AttemptResult) and _exceeded_connections(last):
            group = self._lookup.cached(asked, destination) or ServerGroup(())
            begun = self._traffic.seconds() - last.attempt.seconds
            if (busy := self._traffic.others(asked, group, begun)) is not None:
                return busy
        if isinstance(last, AttemptResult) and len(route.chain) > 1:
            left = next_target(route.chain, tried, lambda each: self._is_paused(each, destination))
            others_may = last.others_may or (left is not None and _is_partly_deferred(last))
            # only the server that asked for it is paused; another may be up
            return replace(last, retry_after=0.0, before=tuple(before), others_may=others_may)
        return last

    async def _try_holder(
        self, lease: Lease, load: Load, holder: ReadyTarget
    ) -> AttemptResult | Wait:
        """Ask the target that accepted the delivery for the result."""
        answer = await self._try_target(lease, load, holder.target, holder.permit)
        if isinstance(answer, Wait):
            if answer.pause is None:
                return answer
            reply = UNSETTLED.because(answer.pause.reason)
            return self.refuse(lease, holder.target.name, "content", reply)
        if answer.attempt.is_remote:
            return answer
        reply = UNSETTLED.because(answer.attempt.reply.reason)
        verdicts = tuple(
            [each if each.is_remote else replace(each, reply=reply) for each in answer.verdicts]
        )
        return replace(answer, verdicts=verdicts, attempt=replace(answer.attempt, reply=reply))

    async def _try_in_turn(self, lease: Lease, load: Load, target: Target) -> AttemptResult | Wait:
        """Try a further target; if its first login is in progress, wait for that."""
        answer = await self._try_target(lease, load, target, None)
        end = self._traffic.seconds() + PATIENCE
        while isinstance(answer, Wait) and answer.is_first and self._traffic.seconds() < end:
            await asyncio.sleep(MOMENT)
            answer = await self._try_target(lease, load, target, None)
        return answer

    def _is_paused(self, target: Target, destination: str) -> bool:
        wait = self._wait_of(target, destination)
        return wait is not None and not wait.is_first

    async def _try_target(
        self, lease: Lease, load: Load, target: Target, permit: Permit | None
    ) -> AttemptResult | Wait:
        try:
            group = await self._find(lease.delivery, target)
            if isinstance(group, Reply):
                return self.refuse(lease, target.name, "resolve", group)
            if permit is None:
                answer = self._traffic.admit(target, group)
                if isinstance(answer, Wait):
                    return answer
                permit = answer
            return await self._try_servers(lease, load, target, permit, group)
        except NoDescriptor:
            self._alarm.lacks("mail waits until other connections end")
            return Wait("", SPELL)
        finally:
            if permit is not None:
                permit.close()

    async def _find(self, delivery: Delivery, target: Target) -> ServerGroup | Reply:
        destination = delivery.next_hop.destination
        if not isinstance(target, MxTarget):  # nobody is asked
            return await self._lookup.find(target, destination)
        check_room(Use.SERVICE)  # the answer would blame the name servers
        begun = self._traffic.seconds()
        self._tried[delivery.id] = OpenAttempt(ServerAddress(destination), None, begun)
        try:
            return await self._lookup.find(target, destination)
        finally:
            self._tried.pop(delivery.id, None)

    async def _try_servers(
        self, lease: Lease, load: Load, target: Target, permit: Permit, group: ServerGroup
    ) -> AttemptResult | Wait:
        failed: list[AttemptResult] = []
        unfit: list[AttemptResult] = []
        deferred: AttemptResult | None = None
        asked: set[str] = set()
        left = {each.host for each in group.servers}
        for server in self._traffic.in_turn(target, group.servers):
            host = self._traffic.host(server, target)
            is_open = server.host in left and asked.isdisjoint((server.host, server.address))
            if not is_open or host.wait(self._traffic.seconds()) > 0:
                continue
            result = await self._try_server(
                lease, load, ServerAttempt(target, server, permit, host)
            )
            if isinstance(target, MxTarget) and _is_unfit(result):
                left.discard(server.host)
                if not left:
                    return result
                unfit.append(_as_deferred(result))
                continue
            if not _may_go_on(result, may_try_next_host):
                if deferred is not None:
                    return _without_late_refusals(result, deferred)
                if not _may_ask_another(target, result):
                    if isinstance(target, MxTarget) and _is_partly_deferred(result):
                        others = [each for each in group.servers if each.host in left]
                        return self._with_others(result, server, others, target)
                    return result
                deferred = result
                asked |= {server.host, server.address}  # not the same server by another name
            failed.append(result)
            if permit.identity is not None and permit.identity.is_paused(self._traffic.seconds()):
                break
        if not failed and not unfit:
            return self._traffic.wait_of(target, group) or Wait(permit.key, 0.0)
        return _all_failed(failed or unfit)

    def _with_others(
        self,
        result: AttemptResult,
        asked: ServerAddress,
        servers: Sequence[ServerAddress],
        target: Target,
    ) -> AttemptResult:
        """Note whether another exchanger may accept the recipients that ``asked`` deferred while
        it accepted others (RFC 5321 5.1). They follow at once, in a transaction of their own."""
        same, now = {asked.host, asked.address}, self._traffic.seconds()
        others = [each for each in servers if same.isdisjoint((each.host, each.address))]
        may = any(self._traffic.host(each, target).wait(now) <= 0 for each in others)
        return replace(result, others_may=may)

    async def _try_server(self, lease: Lease, load: Load, made: ServerAttempt) -> AttemptResult:
        begun = self._traffic.seconds()
        made.host.begin(begun)
        transport, slot = self._transports[made.target.name], made.permit.slot
        self._tried[lease.delivery.id] = OpenAttempt(made.server, transport, begun, made.permit)
        slot.place, slot.step = str(made.server), partial(transport.step, lease.delivery.id)
        try:
            result = await self._deliver(lease, await load(), made)
            if _is_untried(result):
                raise no_descriptor()
            diagnosis = self._feedback.learn(made, result)
        finally:
            self._tried.pop(lease.delivery.id, None)
            made.host.abandon_probe()
            self._traffic.told(made.server, made.target)
        if result.attempt.phase == "auth":
            result = replace(result, soon=self._traffic.login_wait(made.target))
        if diagnosis is None:
            return result
        attempt = replace(result.attempt, finding=diagnosis.finding, advice=diagnosis.sentence)
        return replace(result, attempt=attempt)

    async def _deliver(self, lease: Lease, body: Body, made: ServerAttempt) -> AttemptResult:
        """Let the transport make the attempt, until it is given up because others need its room."""
        transport, slot = self._transports[made.target.name], made.permit.slot
        begun, loop = self._traffic.seconds(), asyncio.get_running_loop()
        step: Step = ""

        def give_up() -> None:
            nonlocal step
            step = slot.step()
            patience.reschedule(loop.time())

        patience = asyncio.timeout(None)
        try:
            async with patience:
                slot.give_up = give_up
                return await transport.deliver(lease, body, made.server, begun + TRY)
        except TimeoutError:
            if not patience.expired():
                raise
        finally:
            slot.give_up = None
        seconds = self._traffic.seconds() - begun
        phase: Phase = "content" if step in ("", "answer") else cast("Phase", step)
        error = TimedOut(f"no answer in {seconds:.0f} seconds, and others needed the connection")
        return self._unanswered(lease, made, error.at(phase), seconds)

    def _unanswered(
        self, lease: Lease, made: ServerAttempt, error: GatepostError, seconds: float
    ) -> AttemptResult:
        contact = Contact(made.target.name, made.server.host, made.server.address)
        reply = _GIVEN_UP.because(str(error))
        attempt = Attempt(
            self._now(), contact, error.phase, reply, is_remote=False, seconds=seconds
        )
        verdicts = (Verdict("deferred", reply),) * len(lease.delivery.waiting)
        return AttemptResult(attempt, verdicts, error=error)

    def _greeted(self, delivery: str) -> None:
        """Note that the server has greeted at which a delivery is being attempted."""
        tried = self._tried.get(delivery)
        if tried is not None and tried.permit is not None:
            self._traffic.greeted(tried.permit)

    async def retire(self) -> None:
        """Stop keeping connections, because another deliverer takes over."""
        retiring = [each.retire() for each in self._transports.values()]
        await asyncio.gather(*retiring, return_exceptions=True)

    async def close(self) -> None:
        """Close all idle connections."""
        closing = [each.close() for each in self._transports.values()]
        await asyncio.gather(*closing, self._lookup.close(), return_exceptions=True)

    def refuse(self, lease: Lease, target: str, phase: Phase, reply: Reply) -> AttemptResult:
        """Return the result of an attempt that failed locally, before a server was asked."""
        outcome: Outcome = "failed" if reply.is_permanent else "deferred"
        attempt = Attempt(self._now(), Contact(target), phase, reply, is_remote=False)
        count = len(lease.delivery.waiting)
        return AttemptResult(attempt, (Verdict(outcome, reply),) * count)


def _holder(delivery: Delivery, route: Route) -> Target | None:
    """Return the target that accepted a delivery without telling the result, if others could get it
    a second time."""
    if not delivery.history or len(route.chain) < 2:
        return None
    return next((each for each in route.chain if is_unsettled(delivery, each.name)), None)


def _is_untried(result: AttemptResult) -> bool:
    """Tell whether nothing was sent, because this process has no descriptor for a connection."""
    is_ours = isinstance(result.error, NoDescriptor) and not result.attempt.is_remote
    return is_ours and all(each.outcome == "deferred" for each in result.verdicts)


def _may_fail_over(answer: AttemptResult | Wait) -> bool:
    """Tell whether the next target may be tried."""
    if isinstance(answer, AttemptResult):
        return _may_go_on(answer, may_try_next_target)
    return answer.pause is not None  # busy is not down, as in choose


def _exceeded_connections(result: AttemptResult) -> bool:
    """Tell whether a server refused the connection itself as one too many (RFC 5321 3.8)."""
    attempt = result.attempt
    return (
        attempt.is_remote
        and attempt.reply.code == _CLOSING
        and attempt.phase in ("greeting", "ehlo")
    )


def _may_go_on(result: AttemptResult, may: Callable[[Phase, Reply | None], bool]) -> bool:
    """Tell whether another server may be tried: not once a recipient has a final verdict."""
    attempt = result.attempt
    is_judged = [each.outcome for each in result.verdicts if each.outcome != "deferred"]
    if is_judged and attempt.phase != "resolve":
        return False
    return may(cast("Phase", attempt.phase), attempt.reply if attempt.is_remote else None)


def _is_partly_deferred(result: AttemptResult) -> bool:
    """Tell whether a server deferred only some of the recipients.

    The next attempt is for these alone, and may go to another target.
    """
    later = [each.reply for each in result.verdicts if each.outcome == "deferred"]
    is_partly = 0 < len(later) < len(result.verdicts)
    return is_partly and result.error is None and all(each.is_transient for each in later)


def _may_ask_another(target: Target, result: AttemptResult) -> bool:
    """Tell whether another exchanger may be tried after a temporary refusal.

    RFC 5321 5.1: exchangers are tried until one accepts the message, at least two of them. A
    request for less mail (such as 450 to MAIL) holds for all; 452 to the first RCPT does not.
    """
    attempt = result.attempt
    lesson = lesson_of(attempt.reply, attempt.phase)
    is_of_first = lesson.change == "fewer_recipients" and not result.accepted
    return (
        isinstance(target, MxTarget)
        and attempt.is_remote
        and attempt.reply.is_transient
        and all(each.outcome == "deferred" for each in result.verdicts)
        and (lesson.scope in ("message", "host") or is_of_first)
    )


def _without_late_refusals(result: AttemptResult, deferred: AttemptResult) -> AttemptResult:
    """Defer recipients that an exchanger refused after a preferred one had deferred them.

    The preferred exchanger knows its recipients. A backup may know none, or may exist only to
    refuse clients that ignore the order of preference.
    """
    refused = [each.reply for each in result.verdicts if each.outcome == "failed"]
    if not refused:
        return deferred if result.attempt.reply.code == _CLOSING else result
    pairs = zip(deferred.verdicts, result.verdicts, strict=True)
    verdicts = tuple([first if said.outcome == "failed" else said for first, said in pairs])
    attempt = deferred.attempt
    if any(each.outcome == "delivered" for each in verdicts):
        attempt = replace(result.attempt, phase="rcpt", reply=refused[0])
    return replace(result, verdicts=verdicts, attempt=attempt)


def _is_unfit(result: AttemptResult) -> bool:
    """Tell whether a server lacks an extension or size that the message needs, by its EHLO.

    Another exchanger may have it (RFC 6531 3.2), even one that is down now.
    """
    is_ours = not result.attempt.is_remote and result.error is None
    return is_ours and all(each.outcome == "failed" for each in result.verdicts)


def _as_deferred(result: AttemptResult) -> AttemptResult:
    later = [replace(each, outcome="deferred") for each in result.verdicts]
    return replace(result, verdicts=tuple(later))


def _all_failed(failed: Sequence[AttemptResult]) -> AttemptResult:
    """Return the best result if a server deferred the message, else the last one with a reply;
    without a reply, one whose reason mentions all."""
    answered = [each for each in failed if each.attempt.is_remote]
    if answered:
        return next((each for each in answered if each.attempt.phase in _OF_MESSAGE), answered[-1])
    last = failed[-1]
    reasons = dict.fromkeys(each.attempt.reply.reason for each in failed)
    if len(reasons) < 2:
        return last
    reply = last.attempt.reply.because("; ".join(filter(None, reasons)))
    return replace(last, attempt=replace(last.attempt, reply=reply))
