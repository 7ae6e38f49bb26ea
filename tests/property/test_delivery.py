"""Whatever servers answer and whenever the relay is killed, no recipient's mail is lost.

At each end, every accepted recipient's mail was accepted by a server, or its sender has a
notification of its failure, or it is still queued.
"""

import asyncio
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.model.address import parse_address
from gatepost.model.delivery import Lease
from gatepost.model.envelope import Recipient
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import Route, ServerAddress
from gatepost.queue.deliveries_contract import Action
from gatepost.relay.deliverer import Bounds
from tests.examples import examples
from tests.simulated_delivery import (
    DAY,
    GREYLISTED,
    HOUR,
    OK,
    REFUSED,
    UNKNOWN,
    Answer,
    Upstream,
    World,
    limits,
    mx,
    refused_before_mail,
    route,
    smarthost,
    steady,
    unreachable,
)

DOMAINS = ("a.example", "b.example", "c.example")
BUSY = Reply(421, "too many connections", Esc(4, 7, 0))
FULL = Reply(452, "too many recipients", Esc(4, 5, 3))
NOTHING: frozenset[str] = frozenset()
WISHES = frozenset({"SUCCESS", "FAILURE"})
ZONE = "c.example MX 10 mx.c.example\nmx.c.example A 192.0.2.7"


class Fickle:
    """A server with changing behaviour; it accepts notifications sooner or later."""

    def __init__(self, chance: random.Random, trouble: float) -> None:
        self._chance, self._trouble = chance, trouble

    def __call__(self, lease: Lease, _server: ServerAddress) -> Answer:
        chance, seconds = self._chance, self._chance.choice((0.0, 0.1, 2.0, 30.0))
        if chance.random() > self._trouble:
            return Answer(seconds=seconds)
        kind = chance.randrange(6)
        if kind == 0:
            return unreachable(seconds)
        if kind == 1:
            return refused_before_mail(chance.choice((REFUSED, BUSY)), "auth", seconds=seconds)
        if kind == 2:
            return Answer(fault=RuntimeError("a bug"), seconds=seconds)
        if kind == 3:
            return Answer((BUSY,), "content", retry_after=chance.choice((0.0, 100.0)))
        bad = (GREYLISTED, FULL) if lease.message.envelope.sender is None else (
            GREYLISTED, FULL, UNKNOWN,
        )  # fmt: skip
        count = len(lease.delivery.waiting)
        return Answer(tuple(chance.choice((OK, *bad)) for _ in range(count)), "content", seconds=1)


def table(chance: random.Random, trouble: float) -> tuple[list[Upstream], list[Route]]:
    retry = steady(first=HOUR / 4, longest=3 * HOUR, expire=DAY, warn=6 * HOUR)
    few = limits(connections=2, recipients=2)
    first = smarthost("first", ["one.example", "two.example"], credential="x", limits=few)
    upstreams = [
        Upstream(first, Fickle(chance, trouble)),
        Upstream(smarthost("second", ["three.example"], limits=few), Fickle(chance, trouble)),
        Upstream(mx(limits=few), Fickle(chance, trouble)),
    ]
    one, two, three = [each.target for each in upstreams]
    routes = [
        route(one, two, name="a", to=["a.example", "example.org"], retry=retry),
        route(two, name="b", to=["b.example"], retry=retry),
        route(three, name="c", to=["c.example"], retry=retry),
    ]
    return upstreams, routes


class Book:
    """The accepted messages, and what happened to them."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world, self._chance = world, chance
        self.accepted: dict[tuple[str, str], str] = {}

    async def feed(self, number: int) -> None:
        """Have a message accepted, unless the relay is killed meanwhile."""
        chance = self._chance
        to = [f"u{chance.randrange(9)}@{chance.choice(DOMAINS)}" for _ in range(5)]
        sender = chance.choice(("", f"s{number}@example.org"))
        recipients = [
            Recipient(parse_address(each), chance.choice((NOTHING, WISHES)))
            for each in dict.fromkeys(to)
        ]
        id_ = f"m{number}"
        put = asyncio.ensure_future(
            self._world.store.put(self._world.mail(id_, sender, recipients))
        )
        done, _ = await asyncio.wait([put], timeout=1)
        if done:
            self.accepted.update({(id_, str(each.address)): sender for each in recipients})

    async def check(self) -> None:
        """Nothing is lost."""
        queued = set()
        for delivery in await self._world.deliveries.list():
            queued |= {(delivery.message, str(each.address)) for each in delivery.waiting}
        taken = {each for upstream in self._world.upstreams.values() for each in upstream.taken}
        for each, sender in self.accepted.items():
            if each not in taken and each not in queued:
                fates = await self._fates(each)
                assert fates == {"failed"}, each
                assert not sender or self._is_told(each[1], sender, queued), each

    async def _fates(self, each: tuple[str, str]) -> set[str]:
        found = await self._world.deliveries.find(each[0])
        return {
            one.fate for delivery in found for one in delivery.addressees
            if str(one.recipient.address) == each[1]
        }  # fmt: skip

    def _is_told(self, address: str, sender: str, queued: set[tuple[str, str]]) -> bool:
        """Return whether a notification was delivered, is waiting, or has failed itself."""
        if any(id_[0] == "n" and to == sender for id_, to in queued):
            return True
        failed = self._world.told("message_failed")
        if any(each["id"][0] == "n" and sender in each["rcpt_to"] for each in failed):
            return True
        return any(
            sender == str(upstream.envelopes[id_].recipients[0].address)
            and address.encode() in content
            and b"Action: failed" in content
            for upstream in self._world.upstreams.values()
            for id_, content in upstream.contents.items()
            if id_[0] == "n"
        )


@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    trouble=st.sampled_from((0.1, 0.5, 0.9)),
    kills=st.lists(st.floats(0, 4000), max_size=6),
    small=st.booleans(),
)
def test_no_mail_is_lost(seed: int, trouble: float, kills: list[float], small: bool) -> None:
    chance = random.Random(seed)
    bounds = Bounds(leases=12, octets=200) if small else Bounds()
    upstreams, routes = table(chance, trouble)
    world = World(upstreams, routes, dns=ZONE, bounds=bounds, seed=seed)
    book = Book(world, chance)

    async def scenario(world: World) -> None:
        for number in range(12):
            await book.feed(number)
            await asyncio.sleep(chance.choice((0.0, 1.0, 200.0)))
        for seconds in kills:
            await asyncio.sleep(seconds)
            await world.kill()
            await world.start()
            if chance.random() < 0.3:
                action: Action = chance.choice(("retry", "hold", "release"))
                await world.deliveries.act(action, None, world.clock.now())
                world.deliverer.wake()
        await book.check()
        await world.deliveries.act("release", None, world.clock.now())
        await asyncio.sleep(2.2 * DAY.total_seconds())
        await book.check()
        assert set((await world.states()).values()) == {"settled"}

    world.run(scenario)
