"""Delivery in the store process: sends accepted mail, and settles it.

Deliveries that ``put`` leased are attempted from memory; others are leased (``leasing``) when they
are due by the clock, after new mail, or after an operator's command. Workers serve the next hops in
turn. While a settlement is being written, its worker already makes the next attempt.
"""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gatepost.errors import LeaseLost, QueueError
from gatepost.model.body import Body
from gatepost.model.delivery import Lease, Planned
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import NextHop, Target
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.pause import Pause
from gatepost.queue.why import Progress, next_try
from gatepost.relay.attempt import AttemptRunner
from gatepost.relay.attempt_permit import CROWDED, RESOLVER, Wait
from gatepost.relay.early_retries import EarlyRetries
from gatepost.relay.held_body import HeldBody
from gatepost.relay.leasing import LOOK, Leasing
from gatepost.relay.next_hop_queues import Content, NextHopQueue, NextHopQueues, QueuedLease
from gatepost.relay.paused_next_hops import PausedNextHops
from gatepost.relay.reroute_order import RerouteOrder
from gatepost.relay.safe_error_text import explain
from gatepost.relay.settler import NextAttempt, Settler
from gatepost.relay.shared_by_delivery import DeliveryContext
from gatepost.relay.target_choice import ReadyTarget
from gatepost.relay.target_health import TargetHealth

UNSURE: Final = 1.0
"""Seconds until the next attempt while another node may have our leases."""
UNSETTLED: Final = 8
"""How many results may wait to be recorded, beyond one of each worker, before the next attempt
begins: what a relay that dies would send again, also if its store is slow or away."""
GOODBYE: Final = 1.0
"""Seconds at the end for recording returned leases, and for sending QUIT to servers."""
EARLY: Final = 1.0
"""Seconds for attempts that have sent no content yet: silent servers do not delay the end."""
_FAULT: Final = Reply(451, "Local error in processing", Esc(4, 3, 0))
_NO_ROUTE: Final = Reply(451, "The route is gone", Esc(4, 3, 5))


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of what is in memory."""

    leases: int = 2_000
    """Deliveries in memory."""
    octets: int = 32 * 1024 * 1024
    """Octets of their content."""


class Deliverer:
    """Delivers the mail in the queue, from ``start`` to ``stop``."""

    def __init__(
        self,
        context: DeliveryContext,
        settler: Settler,
        attempts: AttemptRunner,
        bounds: Bounds = Bounds(),
    ) -> None:
        self._deliveries, self.routes = context.deliveries, context.routes
        self._report, self._now, self._cluster = context.report, context.now, context.cluster
        self._settler, self._bounds = settler, bounds
        self._attempts, self._choice = attempts, attempts.choice
        self._choice.report_changes(self.on_change)
        self._queues = NextHopQueues(bounds.leases, self._choose, self._call_workers, self._pause)
        self._paused = PausedNextHops(lambda _: self._leasing.wake())
        self._leasing = Leasing(context, self._queues, self._paused, self._accept, self._hand_back)
        self._octets = 0
        """Of the content in memory."""
        self._workers: set[asyncio.Task[None]] = set()
        self._trying: dict[QueuedLease, asyncio.Task[Any] | None] = {}
        self._settling: set[asyncio.Task[Any]] = set()
        self._called = False
        self._stopping = False
        self._is_unsure = False
        """Another node may have our leases, so that no attempt begins."""
        self._unsettled = 0
        """Results of attempts that are not recorded yet."""
        self.early_retries = EarlyRetries()
        self.epoch = 0
        self._heir: Deliverer | None = None

    # What others call.

    async def start(self, epoch: int = 0) -> None:
        """Start: take over the queue, or continue in the epoch of a deliverer that has retired.

        Raises QueueError.
        """
        self.epoch = epoch or await self._deliveries.take_over(self._now())
        self._leasing.start()
        self._run(self._retry(self.early_retries.take()))  # the configuration may be another one

    def renew(self, epoch: int) -> None:
        """Continue in another epoch; what was leased in an earlier one belongs to other nodes."""
        self.epoch = epoch
        for queued in self._queues.take_if(lambda each: each.lease.epoch != epoch):
            self._release(queued)
        self._leasing.wake()

    def has_room(self, planned: Sequence[Planned], size: int) -> bool:
        """Tell whether a message that is being accepted may be delivered from memory."""
        if self._stopping or not self.epoch or self._octets + size > self._bounds.octets:
            return False
        return self._leasing.has_room(planned)

    def take(self, leases: Sequence[Lease], body: Body | None) -> None:
        """Deliver what was just accepted; its content, if given, stays in memory until then."""
        content = None
        self._leasing.note_accepted()
        if body is not None and leases:
            content = Content(body, len(leases))
            self._octets += body.size
        for lease in leases:
            self._accept(QueuedLease(lease, content, is_new=True))

    def left_in_store(self, planned: Sequence[Planned]) -> None:
        """Note that a message was accepted without a lease."""
        self._leasing.left_in_store(planned)
        self.wake()

    def wake(self) -> None:
        """Look at the queue now, because something may be due."""
        if self._heir is not None:
            self._heir.wake()
        self._leasing.wake()

    def note_release(self) -> None:
        """Note that an operator is about to make the whole queue due."""
        self._leasing.note_release(self._now())

    def forgive(self, next_hops: Sequence[NextHop]) -> None:
        """End the pauses of next hops, because the operator says that the problem is solved."""
        routes = [(self.routes.named(each.route), each.destination) for each in next_hops]
        self._choice.forgive([(route, to) for route, to in routes if route is not None])
        for each in next_hops:
            self._paused.end(each.key)
            self._queues.wake(each.key)
        for key in self._paused:
            self._look_again(key)
        self._run(self._retry(self.early_retries.take(next_hops)))

    async def _retry(self, deliveries: Sequence[str]) -> None:
        with suppress(QueueError):  # else they wait for their schedule
            if deliveries:
                await self._deliveries.act("retry", deliveries, self._now())
        self._leasing.wake()

    def recipients(self, next_hop: NextHop) -> int | None:
        """Return how many recipients a next hop accepts at once, as learned; None: unknown."""
        route = self.routes.named(next_hop.route)
        return None if route is None else self._choice.recipients(route, next_hop.destination)

    def targets(self, next_hop: NextHop) -> Sequence[str]:
        """Return the names of a next hop's targets; empty if its route does not exist any more."""
        route = self.routes.named(next_hop.route)
        return () if route is None else [each.name for each in route.chain]

    def try_learn_quota(self, next_hop: NextHop, target: str, reply: Reply) -> bool:
        """Pause a target of a next hop, because a reply that came later says that its quota is used
        up; False if there is no such target."""
        route = self.routes.named(next_hop.route)
        found = () if route is None else [each for each in route.chain if each.name == target]
        for each in found:
            self._choice.learn_quota(each, next_hop.destination, reply)
        return bool(found)

    def health_of(self, target: Target) -> TargetHealth:
        """Return what is known of a target now."""
        return self._choice.health(target)

    def pause_of(self, next_hop: NextHop) -> Pause | None:
        """Return the pause of a next hop; None if it has none now."""
        if self._leasing.trouble:
            return Pause("", "open", 1.0, self._leasing.trouble, is_ours=True)
        route = self.routes.named(next_hop.route)
        if route is None:
            return None
        wait = self._choice.wait_of(route, next_hop.destination)
        return self._paused.pause_of(next_hop.key) if wait is None else wait.pause

    def has_old_times(self) -> bool:
        """Tell whether the clock was put back, and the times in the queue are still those before:
        then everything is tried soon."""
        if is_old := self._leasing.has_old_times():
            self._leasing.wake()
        return is_old

    def progress_of(self, delivery: str, next_hop: NextHop) -> Progress:
        """Return the progress of a leased delivery."""
        ahead = self._queues.ahead_of(delivery, next_hop.key)
        if ahead is None:
            return self._attempts.progress(delivery)
        route = self.routes.named(next_hop.route)
        limit = "" if route is None else self._choice.limit(route, next_hop.destination)
        return Progress(ahead, limit)

    def cancel(self, ids: Collection[str] | None) -> None:
        """Release messages or deliveries, or all, that an operator has held or dropped: they are
        not attempted, unless an attempt is in progress."""

        def is_meant(queued: QueuedLease) -> bool:
            return ids is None or queued.lease.delivery.id in ids or queued.lease.message.id in ids

        for queued in self._queues.take_if(is_meant):
            self._hand_back(queued)
        for queued in self._trying:
            queued.is_cancelled = queued.is_cancelled or is_meant(queued)

    def reroute(self, ids: Collection[str], order: RerouteOrder) -> None:
        """Send leased deliveries to a target: those that are not attempted yet at once, the others
        after their attempt, unless it settles them."""
        for queued in self._queues.take_if(lambda each: each.lease.delivery.id in ids):
            queued.order = order
            self._hand_back(queued)
        for queued in self._trying:
            if queued.lease.delivery.id in ids:
                queued.order = order

    def on_change(self, key: str) -> None:
        """Note that a target, a server or a credential has changed."""
        if self._heir is not None:
            self._heir.on_change(key)
        if key == RESOLVER:
            self._run(self._retry(self.early_retries.take(phase="resolve")))
        is_resumed = key in self._queues.waiting and self._queues.try_resume(key)
        if key not in self._paused.waiting:
            return
        if key != CROWDED:
            for next_hop in list(self._paused.waiting[key]):
                self._look_again(next_hop)
        elif not is_resumed:
            self._paused.end(next(iter(self._paused.waiting[key])))  # there is room for one

    async def retire(self, heir: "Deliverer", seconds: float) -> None:
        """Start nothing new, and return the leases without an attempt; ``heir`` continues.

        Returns when no attempt is in progress any more, or after ``seconds``; ``stop`` is next.
        """
        self._heir, heir.early_retries = heir, self.early_retries
        await self._stop_leasing()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._attempts.retire()
                while left := self._left():
                    await asyncio.wait(left)
        self._cancel_early()

    def _cancel_early(self) -> None:
        """Cancel attempts that have sent no content: they can be repeated without a duplicate."""
        for queued, worker in self._trying.items():
            if worker is not None and self._attempts.progress(queued.lease.delivery.id).is_early:
                worker.cancel()

    async def _stop_leasing(self) -> None:
        self._stopping = True
        await self._leasing.stop()
        self._paused.clear()
        for queued in self._queues.take_all():
            self._hand_back(queued)

    async def stop(self, seconds: float, *, patient: bool = False) -> None:
        """Start nothing new; finish or cut attempts in progress; return the leases.

        ``patient``: wait for the store however long it takes: nobody else would return the leases.
        """
        await self._stop_leasing()
        for patience in (min(EARLY, seconds), max(0.0, seconds - EARLY)):
            if self._workers:
                await asyncio.wait(self._workers, timeout=patience)
                self._cancel_early()
        for each in self._workers:
            each.cancel()
        while left := self._left():
            await asyncio.wait(left, timeout=min(seconds, GOODBYE))
            for each in () if patient else left - self._workers:
                each.cancel()  # a store that does not work is not waited for
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await self._attempts.close()

    def _left(self) -> set[asyncio.Task[Any]]:
        """Return what is still in progress."""
        return {*self._workers, *self._settling, *self._leasing.requests}

    # Leases come in.

    def _accept(self, queued: QueuedLease) -> None:
        lease = queued.lease
        next_hop = lease.delivery.next_hop
        if self._stopping or next_hop.key in self._paused:
            self._hand_back(queued)
        elif moved := self.routes.anew(lease):
            self._run(self._give_back(queued, moved))
        elif self.routes.named(next_hop.route) is not None:
            self._queues.add(queued)
        else:
            reply = _NO_ROUTE.because(
                f"the configuration has no route {next_hop.route} any more, and no other route "
                "matches"
            )
            result = self._attempts.refuse(lease, next_hop.route, "", reply)
            self._run(self._settle(queued, result))

    # Turns.

    def _choose(self, queue: NextHopQueue) -> ReadyTarget | Wait:
        route = self.routes.named(queue.next_hop.route)
        if route is None:  # a new configuration has removed it
            return Wait("", LOOK)
        try:
            return self._choice.choose(route, queue.next_hop.destination)
        except Exception as error:  # noqa: BLE001 - else it would have no other turn
            self._report("internal_error", next_hop=queue.next_hop.key, reason=explain(error))
            return Wait("", LOOK)

    @property
    def _may_begin(self) -> bool:
        is_behind = self._unsettled > len(self._workers) + UNSETTLED
        return not (self._stopping or self._is_unsure or is_behind)

    def _call_workers(self) -> None:
        if not self._called and self._may_begin:
            self._called = True
            asyncio.get_running_loop().call_soon(self._start_worker)

    def _start_worker(self) -> None:
        self._called = False
        if (turn := self._next()) is not None:
            worker = asyncio.create_task(self._work(*turn))
            self._workers.add(worker)
            worker.add_done_callback(self._worker_ended)
        if self._queues.is_ready:  # the next one after other work of the loop
            self._call_workers()

    def _worker_ended(self, worker: "asyncio.Task[None]") -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            self._report("internal_error", reason=explain(error))
        if self._queues.is_ready:
            self._call_workers()

    def _next(self) -> tuple[QueuedLease, ReadyTarget] | None:
        if not self._may_begin:
            return None
        turn = self._queues.next()
        if turn is None or not self._may_attempt(*turn):
            return None
        if self._leasing.needs_more(turn[0].lease.delivery.next_hop.key):
            self._leasing.wake()
        return turn

    def _may_attempt(self, queued: QueuedLease, ready: ReadyTarget) -> bool:
        """Tell whether an attempt may begin. If not, another node has the delivery or, if that is
        not sure, all attempts wait for a while."""
        if self._cluster is None or self._cluster.may_attempt(queued.lease):
            return True
        if ready.permit is not None:
            ready.permit.close()
        if queued.lease.epoch != self.epoch:
            self._release(queued)
            return False
        self._queues.add(queued, first=True)
        self._is_unsure = True
        asyncio.get_running_loop().call_later(UNSURE, self._go_on)
        return False

    def _go_on(self) -> None:
        self._is_unsure = False
        if self._queues.is_ready:
            self._call_workers()

    async def _work(self, queued: QueuedLease, ready: ReadyTarget) -> None:
        """Make one attempt after the other; each is settled while the next one is in progress."""
        settled: asyncio.Future[None] | None = None
        turn: tuple[QueuedLease, ReadyTarget] | None = (queued, ready)
        while turn is not None:
            queued = turn[0]
            self._trying[queued] = asyncio.current_task()
            try:
                result = await self._try(*turn)
            finally:
                del self._trying[queued]
            before, settled = settled, None
            if isinstance(result, Wait):
                self._put_back(queued, result)
            else:
                settled = asyncio.get_running_loop().create_future()
                self._run(self._settle(queued, result, settled))
            # Not sooner: a worker that is cancelled here has recorded all it did.
            if before is not None:
                await before
            turn = self._next()

    async def _try(self, queued: QueuedLease, ready: ReadyTarget) -> AttemptResult | Wait:
        lease = queued.lease
        route = self.routes.named(lease.delivery.next_hop.route)
        try:
            if route is None:
                return Wait("", LOOK)
            return await self._attempts.run(lease, lambda: self._load_to_send(queued), route, ready)
        except asyncio.CancelledError:
            self._hand_back(queued)
            raise
        except LeaseLost:  # or it may be: the next turn finds out
            return Wait("", UNSURE)
        except KeyError:
            reply = _FAULT.because("its content is missing from the store")
        except (QueueError, OSError) as error:
            reply = _FAULT.because(f"its content cannot be read: {explain(error)}")
        except Exception as error:  # noqa: BLE001 - a fault of ours defers a message, no more
            self._report("internal_error", id=lease.message.id, reason=explain(error))
            reply = _FAULT.because(f"an unexpected error in Gatepost: {explain(error)}")
        finally:
            if ready.permit is not None:
                ready.permit.close()
        return self._attempts.refuse(lease, ready.target.name, "", reply)

    def _put_back(self, queued: QueuedLease, wait: Wait) -> None:
        """Put a delivery that could not be attempted at the front of its queue, which waits."""
        if self._stopping or queued.is_cancelled or queued.order is not None:
            self._hand_back(queued)
            return
        queue = self._queues.add(queued, first=True)
        self._queues.delay(queue, wait)

    # Pauses.

    def _pause(self, queue: NextHopQueue, wait: Wait) -> None:
        """Return the leases of a next hop, and lease none for it until its pause is over."""
        key = queue.next_hop.key
        self._paused.begin(key, wait)
        pause = wait.pause
        if not wait.is_elsewhere:
            self._report(
                "next_hop_rests", next_hop=key, what=pause.what if pause else "",
                seconds=round(wait.seconds), reason=pause.reason if pause else "",
            )  # fmt: skip
        for queued in self._queues.take_all(key):
            self._hand_back(queued)

    def _look_again(self, key: str) -> None:
        """End a pause that is not needed any more, or replace it by the current one."""
        route, _, destination = key.partition("/")
        known_route = self.routes.named(route)
        wait = None if known_route is None else self._choice.wait_of(known_route, destination)
        if wait is None:
            self._paused.end(key)
        else:
            self._paused.begin(key, wait)

    # Settling.

    def _hand_back(self, queued: QueuedLease) -> None:
        self._run(self._give_back(queued))

    async def _give_back(self, queued: QueuedLease, moved: Sequence[NextHop] = ()) -> None:
        lease, now = queued.lease, self._now()
        try:
            due = await self._settler.give_back(
                lease, lambda: self._load(queued), now, moved, queued.order
            )
        finally:
            self._release(queued)
        self._note_due(due)

    async def _settle(
        self,
        queued: QueuedLease,
        result: AttemptResult,
        settled: "asyncio.Future[None] | None" = None,
    ) -> None:
        """Record the result of an attempt, and then complete ``settled``, even after an error."""
        self._unsettled += 1
        try:
            due = await self._settler.settle(
                queued.lease,
                result,
                lambda: self._load(queued),
                lambda due: self._tried_at(queued, due),
                lambda: queued.order,
            )
            self.early_retries.note(queued.lease.delivery, result.attempt)
        finally:
            self._release(queued)
            if settled is not None and not settled.done():  # cancelled: its worker is gone
                settled.set_result(None)
            self._unsettled -= 1
            if self._queues.is_ready:
                self._call_workers()
        self._note_due(due)

    async def _tried_at(self, queued: QueuedLease, due: datetime) -> NextAttempt:
        """Return when a deferred delivery is really attempted, as ``queue why`` shows it."""
        delivery = queued.lease.delivery
        with suppress(QueueError):
            if queued.is_cancelled and await self._is_held(delivery.id):
                return NextAttempt(None, is_held=True)
        pause = self.pause_of(delivery.next_hop)
        return NextAttempt(next_try(due, delivery.expires_at, self._now(), pause))

    async def _is_held(self, delivery: str) -> bool:
        return any(each.state == "held" for each in await self._deliveries.find(delivery))

    def _note_due(self, due: datetime | None) -> None:
        """Note a time at which something is due; the filler sleeps until the earliest one that it
        knows."""
        if due is not None and (due - self._now()).total_seconds() < LOOK:
            self.wake()

    async def _load(self, queued: QueuedLease) -> Body:
        if queued.content is not None:
            return queued.content.body
        return await self._deliveries.body(queued.lease.message.id)

    async def _load_to_send(self, queued: QueuedLease) -> Body:
        body, cluster = await self._load(queued), self._cluster
        return (
            body if cluster is None else HeldBody(body, lambda: cluster.may_attempt(queued.lease))
        )

    def _release(self, queued: QueuedLease) -> None:
        content, queued.content = queued.content, None
        if content is not None:
            content.uses -= 1
            if content.uses == 0:
                self._octets -= content.body.size

    def _run(self, job: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(job)
        self._settling.add(task)
        task.add_done_callback(self._on_job_end)
        return task

    def _on_job_end(self, task: "asyncio.Task[None]") -> None:
        self._settling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report("internal_error", reason=explain(error))
