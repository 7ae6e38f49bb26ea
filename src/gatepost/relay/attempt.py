"""One attempt at a delivery: tries the targets of its route in turn, and the servers of each."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, cast

from gatepost.errors import GatepostError, NoDescriptor, Phase, TimedOut
from gatepost.model.body import Body
from gatepost.model.delivery import Attempt, Contact, Delivery, Lease, Verdict, VerdictKind
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import MxTarget, Route, ServerAddress, Target
from gatepost.net.descriptors import Use, check_room, no_descriptor
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.fail_over import (
    has_too_many_connections,
    holder_of,
    next_server,
    next_target,
    result_of_targets,
)
from gatepost.queue.unsettled import UNSETTLED
from gatepost.queue.why import AttemptStep, Progress
from gatepost.relay.attempt_feedback import AttemptFeedback, ServerAttempt
from gatepost.relay.attempt_permit import Permit, Wait
from gatepost.relay.in_flight import OpenAttempt
from gatepost.relay.server_lookup import ServerGroup
from gatepost.relay.shared_by_delivery import Load
from gatepost.relay.target_choice import TRY, ReadyTarget, TargetChoice
from gatepost.relay.transport.contract import Transport

SPELL: Final = 2.0
"""Seconds until a message is tried again for which this process had no file descriptor."""
PATIENCE, MOMENT = 10.0, 0.1
"""Seconds to wait for the first login at the next target, after another one refused a message, and
between two checks. Without this the message would wait for its next scheduled attempt."""

_GIVEN_UP: Final = Reply(451, "No answer", Esc(4, 4, 2))


class AttemptRunner:
    """Makes attempts; the caller records their results."""

    def __init__(
        self,
        transports: Mapping[str, Transport],
        choice: TargetChoice,
        feedback: AttemptFeedback,
        now: Callable[[], datetime],
    ) -> None:
        """``transports`` are keyed by the names of their targets, one for each target of each
        route's chain."""
        self.choice = choice
        self._transports, self._feedback, self._now = transports, feedback, now
        self._lookup, self._admission = choice.lookup, choice.admission
        self._tried = choice.admission.wire.open_attempts
        for each in transports.values():
            each.watch(self._on_greeting)

    def progress(self, delivery: str) -> Progress:
        """Return where a delivery is being attempted, for how long, and which step it reached."""
        tried = self._tried.get(delivery)
        if tried is None:
            return Progress()
        seconds = self._admission.seconds() - tried.begun
        return Progress(place=str(tried.server), seconds=seconds, step=tried.step(delivery))

    async def run(
        self, lease: Lease, load: Load, route: Route, first: ReadyTarget
    ) -> AttemptResult | Wait:
        """Make an attempt, first at the target ``first``; a Wait if nothing could be tried.

        ``load`` returns the content. What it raises is raised.
        """
        seconds, noted = self._admission.seconds, self._admission.wire.last_deliveries
        noted.note_try(route.name, lease.delivery.id, seconds())
        answer = await self._run(lease, load, route, first)
        if isinstance(answer, AttemptResult):
            target = answer.attempt.contact.target
            noted.note_result(route.name, target, lease.delivery.id, answer.verdicts, seconds())
        return answer

    async def _run(
        self, lease: Lease, load: Load, route: Route, first: ReadyTarget
    ) -> AttemptResult | Wait:
        if (holder := holder_of(lease.delivery, route.chain)) is not None:
            permit = first.permit if holder.name == first.target.name else None
            return await self._try_holder(lease, load, ReadyTarget(holder, permit))
        destination = lease.delivery.next_hop.destination
        tried: dict[str, AttemptResult | None] = {}
        is_paused = partial(self.choice.is_paused, destination)
        target = answering = first.target
        answer = await self._try_target(lease, load, target, first.permit)
        while True:
            tried[target.name] = answer if isinstance(answer, AttemptResult) else None
            if isinstance(answer, AttemptResult):
                answering = target
            elif answer.pause is None:
                break  # busy is not down, as in choose
            if (following := next_target(route.chain, tried, is_paused)) is None:
                break
            target = following
            answer = await self._try_in_turn(lease, load, target)
        result = result_of_targets(route.chain, tried, is_paused)
        if result is not None and has_too_many_connections(result):
            group = self._lookup.cached(answering, destination) or ServerGroup(())
            begun = self._admission.seconds() - result.attempt.seconds
            return self._admission.others(answering, group, begun) or result
        return result or answer

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
        end = self._admission.seconds() + PATIENCE
        while isinstance(answer, Wait) and answer.is_first and self._admission.seconds() < end:
            await asyncio.sleep(MOMENT)
            answer = await self._try_target(lease, load, target, None)
        return answer

    async def _try_target(
        self, lease: Lease, load: Load, target: Target, permit: Permit | None
    ) -> AttemptResult | Wait:
        try:
            if isinstance(target, MxTarget):
                group = await self._find(lease.delivery, target)
            else:
                group = self._lookup.configured(target)
            if isinstance(group, Reply):
                return self.refuse(lease, target.name, "resolve", group)
            if permit is None:
                answer = self._admission.admit(target, group)
                if isinstance(answer, Wait):
                    return answer
                permit = answer
            return await self._try_servers(lease, load, target, permit, group)
        except NoDescriptor:
            self.choice.alarm.lacks("mail waits until other connections end")
            return Wait("", SPELL)
        finally:
            if permit is not None:
                permit.close()

    async def _find(self, delivery: Delivery, target: MxTarget) -> ServerGroup | Reply:
        destination = delivery.next_hop.destination
        check_room(Use.SERVICE)  # the answer would blame the name servers
        begun = self._admission.seconds()
        self._tried[delivery.id] = OpenAttempt(ServerAddress(destination), None, begun)
        try:
            return await self._lookup.find(target, destination)
        finally:
            self._tried.pop(delivery.id, None)

    async def _try_servers(
        self, lease: Lease, load: Load, target: Target, permit: Permit, group: ServerGroup
    ) -> AttemptResult | Wait:
        order, seconds = self._admission.in_turn(target, group.servers), self._admission.seconds
        is_down = partial(self._admission.is_down, target)
        tried: dict[ServerAddress, AttemptResult] = {}
        may_sign_in = True
        while True:
            server = next_server(target, order, tried, is_down, may_sign_in=may_sign_in)
            if not isinstance(server, ServerAddress):
                return server or self._admission.wait_of(target, group) or Wait(permit.key, 0.0)
            host = self._admission.host(server, target)
            attempt = ServerAttempt(target, server, permit, host)
            tried[server] = await self._try_server(lease, load, attempt)
            self._admission.publish(target, group)
            may_sign_in = permit.credential is None or not permit.credential.is_paused(seconds())

    async def _try_server(self, lease: Lease, load: Load, made: ServerAttempt) -> AttemptResult:
        begun = self._admission.seconds()
        made.host.begin(begun)
        transport, slot = self._transports[made.target.name], made.permit.slot
        self._tried[lease.delivery.id] = OpenAttempt(made.server, transport, begun, made.permit)
        slot.server, slot.step = made.server, lambda: transport.step(lease.delivery.id)
        try:
            result = await self._deliver(lease, await load(), made)
            if _is_untried(result):
                raise no_descriptor()
            diagnosis = self._feedback.learn(made, result)
        finally:
            self._tried.pop(lease.delivery.id, None)
            made.host.abandon_trial()
            self._admission.notify_changed(made.server, made.target)
        if result.attempt.phase == "auth":
            result = replace(result, soon=self._admission.login_wait(made.target))
        if diagnosis is None:
            return result
        attempt = replace(result.attempt, finding=diagnosis.finding, advice=diagnosis.sentence)
        return replace(result, attempt=attempt)

    async def _deliver(self, lease: Lease, body: Body, made: ServerAttempt) -> AttemptResult:
        """Let the transport make the attempt, until it is given up because others need its room."""
        transport, slot = self._transports[made.target.name], made.permit.slot
        begun, task = self._admission.seconds(), asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of a worker
        step: AttemptStep | None = None

        def give_up() -> None:
            nonlocal step
            step = slot.step()
            task.cancel()

        slot.give_up = give_up
        try:
            return await transport.deliver(lease, body, made.server, begun + TRY)
        except asyncio.CancelledError:
            if step is None or task.cancelling() > 1:  # the worker is cancelled
                raise
        finally:
            slot.give_up = None
            if step is not None:
                task.uncancel()
        seconds = self._admission.seconds() - begun
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

    def _on_greeting(self, delivery: str) -> None:
        """Note that the server has greeted at which a delivery is being attempted."""
        tried = self._tried.get(delivery)
        if tried is not None and tried.permit is not None:
            self._admission.note_greeting(tried.permit)

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
        kind: VerdictKind = "failed" if reply.is_permanent else "deferred"
        attempt = Attempt(self._now(), Contact(target), phase, reply, is_remote=False)
        count = len(lease.delivery.waiting)
        return AttemptResult(attempt, (Verdict(kind, reply),) * count)


def _is_untried(result: AttemptResult) -> bool:
    """Tell whether nothing was sent, because this process has no descriptor for a connection."""
    is_ours = isinstance(result.error, NoDescriptor) and not result.attempt.is_remote
    return is_ours and all(each.kind == "deferred" for each in result.verdicts)
