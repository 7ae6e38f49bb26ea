"""Mail by domain while the DNS answers slowly, wrongly or not at all."""

import asyncio
from collections import Counter

import pytest

from gatepost.model.dns import DnsAnswer, MxRecord
from gatepost.net.lookup_line import MOST
from gatepost.testing.dns import ScriptedResolver
from tests.examples import examples
from tests.simulated_delivery import Answer, Upstream, World, mx, route, smarthost, steady
from tests.unit.relay.test_isolation import Watched, zone

DOMAINS = examples(200)


class Resolver(ScriptedResolver):
    """One that can stop answering, and needs a while for some names."""

    def __init__(self, zone: str = "", *, ttl: int = 300) -> None:
        super().__init__(zone, ttl=ttl)
        self.is_silent = False
        self.slow: dict[str, float] = {}
        self.open = self.most_open = 0

    async def _wait(self, name: str) -> str:
        """Return why there is no answer."""
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            if seconds := self.slow.get(name, 0.0):
                await asyncio.sleep(seconds)
            for _ in range(4):
                if not self.is_silent:
                    return ""
                await asyncio.sleep(2.5)
            return f"the DNS did not answer for {name}: 192.0.2.53:53: no answer in time"
        finally:
            self.open -= 1

    async def mx(self, domain: str) -> DnsAnswer[MxRecord]:
        if reason := await self._wait(domain):
            self.questions.append(f"MX {domain}")
            return DnsAnswer("failed", reason=reason)
        return await super().mx(domain)

    async def addresses(self, name: str) -> DnsAnswer[str]:
        if reason := await self._wait(name):
            self.questions.append(f"A {name}")
            return DnsAnswer("failed", reason=reason)
        return await super().addresses(name)

    async def txt(self, name: str) -> DnsAnswer[str]:
        if reason := await self._wait(name):
            self.questions.append(f"TXT {name}")
            return DnsAnswer("failed", reason=reason)
        return await super().txt(name)

    def asked(self) -> Counter[str]:
        """Return how often each domain's exchangers were asked for."""
        return Counter(each.split()[1] for each in self.questions if each.startswith("MX"))


def by_domain(count: int, **other: int) -> tuple[World, Upstream, Upstream, Resolver]:
    """Return a world with so many domains, and a smarthost that needs no DNS."""
    direct, hub = Upstream(mx()), Upstream(smarthost(), Answer(seconds=0.05))
    table = [
        route(hub.target, name="hub", to=["hub.example"], retry=steady()),
        route(direct.target, name="direct", retry=steady()),
    ]
    world = World([hub, direct], table)
    world.resolver = resolver = Resolver(zone("some", count), **other)
    return world, direct, hub, resolver


def test_a_silent_resolver_delays_no_mail_that_needs_none() -> None:
    """Each domain is asked about now and then, whatever mail waits; when the resolver answers
    again, all of it goes within seconds."""
    world, direct, hub, resolver = by_domain(DOMAINS)
    resolver.is_silent = True

    async def scenario(world: World) -> None:
        for number in range(2 * DOMAINS):
            domain = f"some{number % DOMAINS}.example"
            await world.send(world.mail(f"m{number}", to=[f"bob@{domain}"]))
        watched = Watched(world, hub)
        for number in range(40):
            await watched.send(f"a{number}", "bob@hub.example")
            await asyncio.sleep(7)
        assert max(watched.waits) < 0.5
        assert max(resolver.asked().values()) <= 6
        assert resolver.most_open <= MOST
        delivery = await world.delivery(f"m{2 * DOMAINS - 1}.0")
        pause = world.deliverer.pause_of(delivery.next_hop)
        assert pause is not None
        assert pause.what == f"the look-up of some{DOMAINS - 1}.example"
        assert "192.0.2.53:53: no answer in time" in pause.reason
        resolver.is_silent = False
        await asyncio.sleep(10)
        assert len(direct.taken) >= 2 * DOMAINS - 10, "all but those whose last try was just then"

    world.run(scenario)


def test_a_domain_with_a_broken_name_server_rests() -> None:
    """Others are answered meanwhile, so that nothing ends its pause."""
    world, direct, _, resolver = by_domain(20)
    resolver.add("broken.example FAIL SERVFAIL")

    async def scenario(world: World) -> None:
        for number in range(300):
            await world.send(world.mail(f"b{number}", to=["bob@broken.example"]))
            await world.send(world.mail(f"m{number}", to=[f"bob@some{number % 20}.example"]))
            await asyncio.sleep(2)
        assert resolver.asked()["broken.example"] <= 7
        assert len(direct.taken) == 300

    world.run(scenario)


def test_domains_that_worked_before_need_no_resolver_for_a_day() -> None:
    """RFC 8767: an old answer is better than none."""
    world, direct, _, resolver = by_domain(5, ttl=60)

    async def scenario(world: World) -> None:
        watched = Watched(world, direct)
        await watched.send("m0", "bob@some0.example")
        await asyncio.sleep(120)
        resolver.is_silent = True
        for number in range(1, 200):
            await watched.send(f"m{number}", "bob@some0.example")
            await asyncio.sleep(1)
        assert watched.median < 0.1
        assert max(watched.waits) < 1.5
        assert resolver.asked()["some0.example"] <= 8
        resolver.is_silent = False
        resolver.forget("some0.example")
        await asyncio.sleep(60)
        await world.send(world.mail("gone", sender="", to=["bob@some0.example"]))
        await asyncio.sleep(5)
        assert (await world.delivery("gone.0")).addressees[0].fate == "failed"

    world.run(scenario)


def test_slow_look_ups_do_not_delay_those_of_other_domains() -> None:
    world, direct, _, resolver = by_domain(20)
    resolver.add(zone("lame", 400))
    resolver.slow = {f"lame{number}.example": 9.0 for number in range(400)}

    async def scenario(world: World) -> None:
        for number in range(400):
            await world.send(world.mail(f"l{number}", to=[f"bob@lame{number}.example"]))
        watched = Watched(world, direct)
        for number in range(20):
            await watched.send(f"m{number}", f"bob@some{number}.example")
        assert watched.median < 1.1
        assert max(watched.waits) < 2
        await asyncio.sleep(60)
        assert len(direct.taken) == 420

    world.run(scenario)


@pytest.mark.thorough
def test_more_silent_domains_than_look_ups_delay_no_new_domain() -> None:
    world, direct, _, resolver = by_domain(20)
    resolver.add(zone("lame", 1200))
    resolver.slow = {f"lame{number}.example": 10.0 for number in range(1200)}

    async def scenario(world: World) -> None:
        async def fill() -> None:
            for number in range(1200):
                to = f"bob@lame{number}.example"
                await world.send(world.mail(f"l{number}", sender="", to=[to]))
                await asyncio.sleep(0.01)

        filling = asyncio.create_task(fill())
        watched = Watched(world, direct)
        for number in range(20):
            await watched.send(f"m{number}", f"bob@some{number}.example")
            await asyncio.sleep(1)
        assert watched.median < 1
        assert max(watched.waits) < 5
        assert resolver.most_open <= MOST
        await filling

    world.run(scenario)


def test_all_mail_of_a_domain_waits_for_one_look_up() -> None:
    world, direct, _, resolver = by_domain(1)
    resolver.slow = {"some0.example": 3.0}

    async def scenario(world: World) -> None:
        for number in range(300):
            await world.send(world.mail(f"m{number}", to=["bob@some0.example"]))
        await asyncio.sleep(10)
        assert len(direct.taken) == 300
        assert resolver.asked()["some0.example"] == 1

    world.run(scenario)
