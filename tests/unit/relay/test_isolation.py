"""Next hops that hang, and a DNS that does not answer, delay no mail for others."""

import asyncio
import gc

import pytest

from gatepost.errors import Phase, TimedOut
from gatepost.model.delivery import Lease
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import NextHop, ServerAddress
from gatepost.queue.attempt_slots import Slots
from tests.processor_time import run_within
from tests.simulated_delivery import Answer, Upstream, World, mx, route, smarthost, steady

HOPS = 100
SILENT = Reply(451, "No answer in time", Esc(4, 4, 2), "it said nothing")
HANGS: list[tuple[Phase, float]] = [
    ("connect", 30), ("greeting", 300), ("ehlo", 300), ("mail", 300), ("content", 600),
]  # fmt: skip


def hangs(phase: Phase, seconds: float) -> Answer:
    return Answer(
        (SILENT,), phase, is_remote=False, seconds=seconds, error=TimedOut("nothing").at(phase)
    )


class Watched:
    """New messages to servers that work, and how long each took."""

    def __init__(self, world: World, upstream: Upstream) -> None:
        self._world, self._upstream = world, upstream
        self.waits: list[float] = []

    async def send(self, id_: str, to: str) -> None:
        """Send a message, and wait until it has arrived."""
        begun = self._world.clock.monotonic()
        await self._world.send(self._world.mail(id_, to=[to]))
        while (id_, to) not in self._upstream.taken[-50:]:
            await asyncio.sleep(0.02)
            assert self._world.clock.monotonic() - begun < 60, "it does not arrive"
        self.waits.append(self._world.clock.monotonic() - begun)

    @property
    def median(self) -> float:
        return sorted(self.waits)[len(self.waits) // 2]


def zone(names: str, count: int) -> str:
    lines = [
        f"{names}{n}.example MX 10 mx.{names}{n}.example\n"
        f"mx.{names}{n}.example A 198.51.100.{n % 250}\n"
        for n in range(count)
    ]
    return "".join(lines)


def beside(answer: Answer, hops: int, slots: Slots | None = None) -> tuple[World, Upstream]:
    """Return a world with so many domains that answer thus, others that work, and a smarthost."""

    def say(_: Lease, server: ServerAddress) -> Answer:
        return answer if server.host.startswith("mx.hung") else Answer(seconds=0.05)

    direct = Upstream(mx(), say)
    hub = Upstream(smarthost(), Answer(seconds=0.05))
    table = [
        route(hub.target, name="hub", to=["hub.example"], retry=steady()),
        route(direct.target, name="direct", retry=steady()),
    ]
    dns = zone("hung", hops) + zone("well", 60)
    return World([hub, direct], table, dns=dns, slots=slots), direct


@pytest.mark.thorough
@pytest.mark.parametrize(("phase", "seconds"), HANGS)
def test_hung_smarthosts_delay_no_other(phase: Phase, seconds: float) -> None:
    """26 of them with ten connections each once used up all attempts."""
    hung = [Upstream(smarthost(f"h{n}", [f"h{n}.example"]), hangs(phase, seconds))
            for n in range(26)]  # fmt: skip
    hub = Upstream(smarthost(), Answer(seconds=0.05))
    table = [
        route(each.target, name=each.target.name, to=[f"{each.target.name}.test"]) for each in hung
    ]
    world = World([*hung, hub], [*table, route(hub.target)])

    async def scenario(world: World) -> None:
        for each in hung:
            for number in range(12):
                name = each.target.name
                await world.send(world.mail(f"{name}-{number}", to=[f"bob@{name}.test"]))
        watched = Watched(world, hub)
        for number in range(100):
            await watched.send(f"new{number}", "bob@hub.example")
            await asyncio.sleep(5)
        assert max(watched.waits) < 0.5

    world.run(scenario)
    if phase in ("connect", "greeting"):
        assert {each.most_open for each in hung} == {1}, "one connection until it greets"


@pytest.mark.parametrize(
    ("phase", "seconds"),
    [*HANGS[:2], *(pytest.param(*each, marks=pytest.mark.thorough) for each in HANGS[2:])],
)
def test_thousands_of_hung_domains_delay_no_other(phase: Phase, seconds: float) -> None:
    """Neither a smarthost nor another domain, known or not; while they come, wait and fail."""
    world, direct = beside(hangs(phase, seconds), HOPS)
    hub = world.upstreams["hub"]

    async def scenario(world: World) -> None:
        for number in range(2 * HOPS):
            domain = f"hung{number % HOPS}.example"
            await world.send(world.mail(f"h{number}", to=[f"bob@{domain}"]))
        to_hub, to_domains = Watched(world, hub), Watched(world, direct)
        for number in range(60):
            await to_hub.send(f"a{number}", "bob@hub.example")
            await to_domains.send(f"b{number}", f"bob@well{number}.example")
            await to_domains.send(f"c{number}", "bob@well0.example")
            await asyncio.sleep(6)
        assert max(to_hub.waits + to_domains.waits) < 0.5

    world.run(scenario)


def test_little_room_is_for_next_hops_that_work_and_for_new_ones() -> None:
    """Those that hang wait in the store, and are given up for others."""
    slots = Slots(40)
    world, direct = beside(hangs("greeting", 300), 300, slots)

    async def scenario(world: World) -> None:
        for number in range(300):
            await world.send(world.mail(f"h{number}", to=[f"bob@hung{number}.example"]))
        known, unknown = Watched(world, direct), Watched(world, direct)
        most = 0
        for number in range(60):
            await unknown.send(f"b{number}", f"bob@well{number}.example")
            await known.send(f"c{number}", "bob@well0.example")
            most = max(most, len(slots))
            await asyncio.sleep(1)
        assert max(known.waits) < 0.5
        assert unknown.median < 1
        assert max(unknown.waits) < 5
        assert most <= 40

    world.run(scenario)


def test_the_backlog_of_hung_domains_delays_no_new_mail_after_a_start() -> None:
    world, direct = beside(hangs("greeting", 300), 300)

    async def scenario(world: World) -> None:
        await world.kill()
        for number in range(1200):
            mail = world.mail(f"h{number}", to=[f"bob@hung{number % 300}.example"])
            planned = world.routes.plan(mail).planned
            await world.deliveries.put(mail, planned, leased=False)
        await world.start()
        watched = Watched(world, direct)
        for number in range(60):
            await watched.send(f"b{number}", f"bob@well{number}.example")
        assert max(watched.waits) < 0.5

    world.run(scenario)


def test_mail_behind_a_silent_server_is_tried_after_its_pause() -> None:
    """It is paused while the server is silent, and then no longer than the server pauses."""
    hub = Upstream(smarthost(), hangs("greeting", 20))
    world = World([hub], [route(hub.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(10)
        await world.send(world.mail("m2"))
        await asyncio.sleep(15)
        hub.say = Answer()
        await asyncio.sleep(40)
        assert ("m2", "bob@example.net") in hub.taken

    world.run(scenario)


def test_the_retry_of_a_thousand_next_hops_delays_no_other_mail() -> None:
    world, direct = beside(Answer(), 1000)

    async def scenario(world: World) -> None:
        for number in range(1000):
            await world.send(world.mail(f"h{number}", to=[f"bob@hung{number}.example"]))
        await asyncio.sleep(10)
        assert len(direct.taken) == 1000
        gc.collect()  # not while the time is taken: other tests leave many objects
        hops = [NextHop("direct", f"hung{each}.example") for each in range(1000)]
        run_within(0.5, lambda: world.deliverer.forgive(hops))

    world.run(scenario)
