"""The targets of mail: their login, circuits, certificates and checks, and retrying at once."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.control.doctor_jobs import HTTPS, DoctorJobs
from gatepost.control.queue_control import QueueControl
from gatepost.control.upstream_operations import UpstreamControl
from gatepost.doctor.certificate_facts import read_certificate
from gatepost.doctor.conclude import diagnose_log
from gatepost.model.evidence import Evidence, Target, TlsSeen, seen
from gatepost.model.finding import Diagnosis
from gatepost.model.route import AcsRestTarget, ServerAddress
from gatepost.net.tls import TlsFacts
from gatepost.relay.transport.seen_certificates import MOST, SeenCertificates
from tests.certificates import make_authority
from tests.simulated_delivery import (
    REFUSED,
    Answer,
    Upstream,
    World,
    mx,
    one_hub,
    refused_before_mail,
    route,
    smarthost,
    unreachable,
)


class Asked:
    """The operations on a world, and what the doctor was asked."""

    def __init__(self, world: World, *, is_running: bool = True) -> None:
        self.probes: list[tuple[str, str, str, str]] = []
        delivering = (lambda: world.deliverer) if is_running else None
        queue = QueueControl(world.deliveries, world.clock.now, delivering, world.report)
        jobs = DoctorJobs(world.clock.now, world.clock.monotonic, probe=self._probe)
        self.jobs, self.certificates = jobs, SeenCertificates()
        self.diagnosis = diagnose_log("504 5.7.4 Unrecognized authentication type")
        """What each check finds."""
        self.control = UpstreamControl(
            queue, lambda: world.routes.all, jobs, self._exchangers, self.certificates
        )

    async def _exchangers(self, domain: str) -> list[str]:
        if domain == "null.example":
            raise ValueError("null.example has no mail exchanger")
        return [f"mx1.{domain}", f"mx2.{domain}"]

    def _probe(self, *asked: str) -> Diagnosis:
        self.probes.append(asked)  # type: ignore[arg-type]
        return self.diagnosis

    async def __call__(self, operation: str, **fields: Any) -> Any:
        return await self.control.operate(operation, fields)

    async def one(self) -> Any:
        [upstream] = (await self("list"))["upstreams"]
        return upstream


def test_a_refused_login_says_why_and_for_how_long() -> None:
    world, hub = one_hub(refused_before_mail(REFUSED), credential="relay")

    async def scenario(world: World) -> None:
        ask = Asked(world)
        assert (await ask.one())["login"]["state"] == "untried"
        await world.send(world.mail())
        await asyncio.sleep(1)
        upstream = await ask.one()
        assert (upstream["state"], upstream["servers"]) == ("paused", ["hub.example:587"])
        login = upstream["login"]
        assert (login["credential"], login["state"]) == ("relay", "refused")
        assert "Authentication unsuccessful" in login["reason"]
        assert login["seconds"] > 600
        hub.say = Answer()
        assert await ask("retry", name="hub") == {"retried": 1, "next_hops": ["out"]}
        await asyncio.sleep(1)
        upstream = await ask.one()
        assert (upstream["state"], upstream["login"]["state"]) == ("working", "accepted")
        assert upstream["login"]["reason"] is None

    world.run(scenario)


def test_a_server_that_is_down_has_an_open_circuit() -> None:
    world, _ = one_hub(unreachable())

    async def scenario(world: World) -> None:
        ask = Asked(world)
        for number in range(3):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(5)
        upstream = await ask.one()
        assert upstream["login"] is None
        assert upstream["circuits"], upstream
        circuit = upstream["circuits"][0]
        assert circuit["state"] == "open"
        assert "hub.example" in circuit["what"]
        assert circuit["seconds"] > 0
        assert (upstream["connections"], upstream["most_connections"]) == (0, 10)

    world.run(scenario)


def test_a_server_is_checked_as_the_relay_connects_without_a_password() -> None:
    target = smarthost(hosts=["a.example", "b.example"], tls="implicit", ca_file="ca.pem",
                       credential="relay")  # fmt: skip
    hub, direct = Upstream(target, Answer()), Upstream(mx(), Answer())
    world = World([hub, direct], [route(hub.target), route(direct.target, name="other")])

    async def main() -> None:
        ask = Asked(world, is_running=False)
        job = await ask("probe", name="hub", server="b.example:587")
        await asyncio.wait(ask.jobs.running)
        assert ask.probes == [("b.example:587", "implicit", "", "ca.pem")]
        upstream, other = (await ask("list"))["upstreams"]
        last = upstream["last_probe"]
        assert (last["id"], last["state"], last["verdict"]) == (job["id"], "done", "finding")
        assert last["findings"][0]["id"] == "mechanism_not_offered"
        assert (upstream["can_be_probed"], other["can_be_probed"]) == (True, True)
        await ask("probe", name="hub")
        await asyncio.wait(ask.jobs.running)
        assert ask.probes[-1][0] == "a.example:587"
        with pytest.raises(ValueError, match="no server"):
            await ask("probe", name="hub", server="elsewhere.example:587")
        with pytest.raises(ValueError, match="which domain or server"):
            await ask("probe", name="direct")
        with pytest.raises(ValueError, match="no mail exchanger"):
            await ask("probe", name="direct", server="null.example")
        with pytest.raises(KeyError, match="upstream"):
            await ask("probe", name="nothing")
        for wanted, server in (("c.example", "mx1.c.example:25"), ("d.example:26", "d.example:26")):
            await ask("probe", name="direct", server=wanted)
            await asyncio.wait(ask.jobs.running)
            assert ask.probes[-1] == (server, "auto", "", "")

    asyncio.run(main())


def test_an_api_is_checked_as_far_as_its_certificate(tmp_path: Path) -> None:
    api = Upstream(AcsRestTarget("api", "https://api.example/v1", "key"), Answer())
    world = World([api], [route(api.target)])
    authority = make_authority(tmp_path)
    facts = TlsSeen("TLSv1.3", certificate=read_certificate(authority.der), verified=True)
    evidence = Evidence("probe", target=Target("api.example", 443), tls=seen(facts))

    async def main() -> None:
        ask = Asked(world, is_running=False)
        ask.diagnosis = Diagnosis("healthy", (), (), evidence)
        assert (await ask.one())["certificates"] == []
        await ask("probe", name="api")
        await asyncio.wait(ask.jobs.running)
        assert ask.probes == [("api.example:443", HTTPS, "", "")]
        upstream = await ask.one()
        assert (upstream["servers"], upstream["can_be_probed"]) == (["api.example:443"], True)
        [certificate] = upstream["certificates"]
        days = (authority.certificate.not_valid_after_utc - world.clock.now()) // timedelta(days=1)
        assert (certificate["server"], certificate["days"]) == ("api.example:443", days)
        assert certificate["verified"]
        seen_now = TlsFacts("TLSv1.3", "x", (authority.der,), verified=True)
        server = ServerAddress("api.example", 443)
        ask.certificates.record("api", server, seen_now, world.clock.now())
        assert len((await ask.one())["certificates"]) == 1, "one for each server"

    asyncio.run(main())


def test_the_days_of_certificates_are_those_of_the_servers(tmp_path: Path) -> None:
    world, _ = one_hub(Answer())
    authority = make_authority(tmp_path)
    end = authority.certificate.not_valid_after_utc

    async def scenario(world: World) -> None:
        ask, now = Asked(world), world.clock.now()
        facts = TlsFacts("TLSv1.3", "x", (authority.der,), verified=True)
        ask.certificates.record("hub", ServerAddress("hub.example", 587), facts, now)
        nonsense = TlsFacts("TLSv1.3", "x", (b"nonsense",), verified=False)
        ask.certificates.record("hub", ServerAddress("odd.example", 587), nonsense, now)
        ask.certificates.record("hub", ServerAddress("clear.example", 25), None, now)
        good, bad = (await ask.one())["certificates"]
        assert good["server"] == "hub.example:587"
        assert good["days"] == (end - now) // timedelta(days=1)
        assert (good["verified"], bad["verified"], bad["days"]) == (True, False, None)
        for number in range(MOST + 5):
            server = ServerAddress(f"{number}.example", 25)
            ask.certificates.record("other", server, facts, now)
        assert len(ask.certificates.of("other")) == MOST

    world.run(scenario)
