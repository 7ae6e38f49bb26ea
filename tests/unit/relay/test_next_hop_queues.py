"""Queues of next hops that wait for room: none is forgotten."""

import asyncio
from datetime import UTC, datetime

from gatepost.model.address import parse_address
from gatepost.model.delivery import Lease, Planned
from gatepost.model.envelope import Recipient
from gatepost.model.route import NextHop
from gatepost.queue.deliveries_contract import planned_delivery, queued
from gatepost.relay.attempt_permit import CROWDED, SOON, Wait
from gatepost.relay.next_hop_queues import NextHopQueue, NextHopQueues, QueuedLease
from gatepost.relay.target_choice import ReadyTarget
from gatepost.testing.clock import FakeClock
from tests.simulated_delivery import World, mx, run

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def leased(number: int) -> QueuedLease:
    mail = World([], []).mail(f"m{number}")
    to = Recipient(parse_address(f"bob@d{number}.example"))
    planned = Planned(NextHop("out", f"d{number}.example"), (to,), NOW, NOW, NOW)
    delivery = planned_delivery(mail.id, 0, planned, leased=True)
    return QueuedLease(Lease(delivery, queued(mail), 1, 1), None, is_new=True)


class Crowd:
    """Queues with one lease each, for which there is no room at first."""

    def __init__(self, count: int) -> None:
        self.has_room = False
        self.begun: list[str] = []
        self.queues = NextHopQueues(10_000, self._choose, lambda: None, lambda _queue, _pause: None)
        for number in range(count):
            self.queues.add(leased(number))
        self.turns(count)

    def _choose(self, _queue: NextHopQueue) -> ReadyTarget | Wait:
        return ReadyTarget(mx(), None) if self.has_room else Wait(CROWDED, SOON)

    def turns(self, count: int) -> None:
        """Begin an attempt at each that is ready; none of these ends."""
        for _ in range(count):
            if (turn := self.queues.next()) is not None:
                self.begun.append(turn[0].lease.message.id)


def test_all_that_wait_for_room_get_it_although_no_attempt_ends() -> None:
    async def scenario() -> None:
        crowd = Crowd(200)
        crowd.has_room = True
        for _ in range(10):
            await asyncio.sleep(SOON)
            crowd.turns(200)
        assert len(crowd.begun) == 200

    run(FakeClock(), scenario())


def test_room_that_is_free_goes_to_a_queue_that_has_mail() -> None:
    """An operator has dropped what the first ones had."""

    async def scenario() -> None:
        crowd = Crowd(10)
        crowd.queues.take_if(lambda each: each.lease.message.id != "m5")
        crowd.has_room = True
        assert crowd.queues.try_resume(CROWDED)
        crowd.turns(1)
        assert crowd.begun == ["m5"]

    run(FakeClock(), scenario())
