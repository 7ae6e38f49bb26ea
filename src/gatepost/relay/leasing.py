"""Leases deliveries that are due, as far as there is room for them in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from gatepost.errors import QueueError
from gatepost.model.delivery import Lease, Planned
from gatepost.queue.retry_schedule import BACK
from gatepost.relay.backlog_throttle import FEW, GivingWay
from gatepost.relay.next_hop_queues import NextHopQueues, QueuedLease
from gatepost.relay.safe_error_text import explain
from gatepost.relay.shared_by_delivery import DeliveryContext

BATCH: Final = 200
"""Deliveries leased in one commit, so that acceptance never waits long."""
LOOK: Final = 30.0
"""Seconds after which the queue is read again in any case, because wall clocks are changed."""
POLL: Final = 1.0
"""Seconds between two looks at whether something is due that other nodes have left in the store."""
TOGETHER: Final = 0.02
"""Seconds between two looks, so that many pauses that end at almost the same time need one."""
_NO_PARAMETERS: Final = (
    "the parameters of MAIL (RET, ENVID) cannot be read; it is sent without them"
)
_NO_RECIPIENTS: Final = "its recipients cannot be read; it is held, and can only be dropped"
Ask = Callable[..., Awaitable[Sequence[Lease]]]
"""Leases some deliveries that are due."""


class Leasing:
    """Reads the queue when something may be due, from ``start`` to ``stop``."""

    def __init__(
        self,
        context: DeliveryContext,
        queues: NextHopQueues,
        paused: Collection[str],
        accept: Callable[[QueuedLease], None],
        hand_back: Callable[[QueuedLease], None],
    ) -> None:
        """``paused`` has the next hops for which nothing is leased. ``accept`` gets each lease,
        ``hand_back`` those that must leave the memory."""
        self._deliveries, self._report, self._now = context.deliveries, context.report, context.now
        self._queues, self._paused = queues, paused
        self._accept, self._hand_back = accept, hand_back
        self._behind: set[str] = set()
        """Next hops of which more may be due in the store, where new mail is queued."""
        self._is_full = False
        """Nothing was leased, because enough is in memory."""
        self._due = asyncio.Event()
        self._polls = context.cluster is not None
        self._skipped: frozenset[str] = frozenset()
        """Next hops that were left out at the last look."""
        self._loop: asyncio.Task[None] | None = None
        self._damaged: set[str] = set()
        """Messages whose damage was reported."""
        self.trouble = ""
        """Why the queue cannot be read at the moment."""
        self._ahead: float | None = None
        """Seconds by which the wall clock is ahead of the monotonic clock; None: unknown yet."""
        self._giving_way = GivingWay()
        self.note_accepted = self._giving_way.note_accepted
        self.note_release = self._giving_way.note_release
        self.requests: set[asyncio.Task[Any]] = set()
        """Requests to the store in progress; they go on after ``stop``."""

    def start(self) -> None:
        """Start to read the queue."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Read no more."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])

    def wake(self) -> None:
        """Look at the queue now, because something may be due."""
        self._due.set()

    def left_in_store(self, planned: Sequence[Planned]) -> None:
        """Note that a message was accepted without a lease."""
        self._giving_way.note_accepted()
        self._behind.update(each.next_hop.key for each in planned)
        self.wake()

    def has_room(self, planned: Sequence[Planned]) -> bool:
        """Tell whether new deliveries may stay in memory: not if a next hop of theirs is paused, or
        has others that wait in the store."""
        if self._queues.count + len(planned) > self._queues.capacity:
            return False
        most = self._queues.share
        for each in planned:
            key = each.next_hop.key
            if key in self._paused or key in self._behind or self._queues.length(key) >= most:
                return False
        return True

    def needs_more(self, key: str) -> bool:
        """Tell whether so little is in memory, of a next hop or of all, that more may be leased."""
        if self._is_full:  # until one full queue and a batch have left
            return self._queues.count < self._queues.capacity * 5 // 8
        return key in self._behind and self._queues.length(key) < self._queues.share // 2

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        notice_at = 0.0
        while True:
            self._due.clear()
            try:
                await self._check_clock()
                seconds = await self._lease()
                self.trouble = ""
            except QueueError as error:
                self.trouble = str(error)
                self._report("queue_unavailable", reason=self.trouble)
                seconds = 1.0
            except Exception as error:  # noqa: BLE001 - the loop goes on, whatever happens
                self._report("internal_error", reason=explain(error))
                seconds = 1.0
            if await self._has_timed_out(seconds) or loop.time() >= notice_at:
                self._return_for_notices()
                notice_at = loop.time() + LOOK

    async def _has_timed_out(self, seconds: float) -> bool:
        """Wait until something may be due; True if nothing came in the given number of seconds."""
        if seconds <= 0:
            return False
        await asyncio.sleep(TOGETHER)
        try:
            async with asyncio.timeout(seconds):
                await (self._poll() if self._polls else self._due.wait())
        except TimeoutError:
            return True
        return False

    async def _poll(self) -> None:
        """Wait until something is due, also if it is another node that has left it."""
        while not self._due.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._due.wait()
                    return
            with suppress(QueueError):
                due = await self._deliveries.next_due(self._skipped)
                if due is not None and due <= self._now():
                    return

    async def _check_clock(self) -> None:
        """If the clock was put back, treat as due what was due at a time that has already been."""
        now, ahead = self._now(), self._clock()
        back = 0.0 if self._ahead is None else self._ahead - ahead
        if self._ahead is None and (looked := await self._deliveries.looked_at()) is not None:
            back = (looked - now).total_seconds()
        if back >= BACK.total_seconds():
            await self._deliveries.act("retry", None, now)  # if the store fails, again
            self._report("clock_put_back", seconds=round(back))
        self._ahead = ahead

    def _clock(self) -> float:
        return self._now().timestamp() - asyncio.get_running_loop().time()

    def has_old_times(self) -> bool:
        """Tell whether the clock was put back, and the queue still has the times before that."""
        return self._ahead is not None and self._ahead - self._clock() >= BACK.total_seconds()

    async def _lease(self) -> float:
        """Lease what is due; return the seconds until the next look."""
        room = self._queues.capacity - self._queues.count
        self._is_full = room < self._queues.capacity // 4
        if self._is_full:
            return 0.0 if self._try_make_room() else LOOK
        room = min(room, BATCH, self._queues.capacity // 8)
        if self._giving_way.is_needed:
            room = min(room, FEW)
        now = self._now()
        most = self._queues.share
        full = {queue.next_hop.key for queue in self._queues if len(queue.leases) >= most}
        skip = self._skipped = frozenset({*self._paused, *full})
        overdue = await self._get(self._deliveries.lease_overdue, now, room)
        leases = await self._get(self._deliveries.lease, now, room - len(overdue), skip)
        if len(leases) < room - len(overdue):
            self._behind.clear()
        self._behind |= full
        await self._giving_way.wait_after(leases, now)
        if overdue or leases or any(self.needs_more(each) for each in self._behind):
            return 0.0
        due = await self._deliveries.next_due(skip)
        if due is None:
            return LOOK
        return min(LOOK, max(0.05, (due - self._now()).total_seconds()))

    async def _get(self, ask: Ask, *arguments: Any) -> Sequence[Lease]:
        """Return leases once they are granted. Raises QueueError.

        They are ours even if the loop is cancelled; then they are returned, because nobody else can
        lease them in this epoch.
        """
        accepting = asyncio.create_task(self._accept_all(ask, *arguments))
        self.requests.add(accepting)
        accepting.add_done_callback(self.requests.discard)
        return await asyncio.shield(accepting)

    async def _accept_all(self, ask: Ask, *arguments: Any) -> Sequence[Lease]:
        leases = await ask(*arguments)
        for lease in leases:
            self._report_damage(lease)
            if lease.delivery.state != "held":
                self._accept(QueuedLease(lease, None))
        self._move_expiring_first(leases)
        return leases

    def _report_damage(self, lease: Lease) -> None:
        """Report once for each message what of it cannot be read in the store any more."""
        is_held, message = lease.delivery.state == "held", lease.message
        if (is_held or message.is_damaged) and message.id not in self._damaged:
            self._damaged.add(message.id)
            reason = _NO_RECIPIENTS if is_held else _NO_PARAMETERS
            self._report("message_damaged", id=message.id, reason=reason)

    def _move_expiring_first(self, leases: Iterable[Lease]) -> None:
        """Move deliveries that expire soon to the front of their queues, for a last attempt."""
        soon = self._now() + timedelta(seconds=LOOK)
        near = {each.delivery.id for each in leases if each.delivery.expires_at <= soon}
        if near:
            for queued in reversed(self._queues.take_if(lambda one: one.lease.delivery.id in near)):
                self._queues.add(queued, first=True)

    def _try_make_room(self) -> bool:
        """Return leases of next hops with more than their share, so that slow ones that came first
        do not delay all others. Tell whether there were any."""
        given_back = self._queues.take_beyond_share()
        for queued in given_back:
            self._hand_back(queued)
        return bool(given_back)

    def _return_for_notices(self) -> None:
        """Return leases that have waited in memory until their sender must be told something."""
        now = self._now()
        try:
            for queued in self._queues.take_if(lambda each: each.lease.delivery.notice_at <= now):
                self._hand_back(queued)
            self._move_expiring_first(
                [queued.lease for queue in self._queues for queued in queue.leases]
            )
        except Exception as error:  # noqa: BLE001 - the loop goes on, whatever happens
            self._report("internal_error", reason=explain(error))
