"""One run of the matrix: all messages are submitted, and the outcome of each cell is collected."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatepost.client.tokens.entra import EntraApplication, EntraSecret
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpClient
from gatepost.testing import Emulator
from tests.certificates import make_authority
from tests.matrix.bridge import Bridge, bridging, problems_of
from tests.matrix.cells import BY_ACCOUNT, Cell, Illegal, verdict_of
from tests.matrix.tokens import token_services
from tests.matrix.upstreams import Upstream

PATIENCE = 240.0
"""Seconds; a server that refuses a connection under load is asked again after a pause."""
FEW: Final = 8
"""Connections opened at once: OpenSMTPD has room for five that it has not accepted yet."""
SCOPES = {
    "acs": "https://communication.azure.com/.default",
    "acs-xoauth2": "https://communication.azure.com/.default",
    "microsoft365": "https://outlook.office365.com/.default",
    "microsoft365-hve": "https://outlook.office.com/.default",
}
"""The scope of tokens for each profile whose tokens come from its own Entra."""
LOGIN = ("app", "secret")


def entra_token(relay: Emulator, profile: str = "acs") -> str:
    """Return an access token of an emulator's own Entra."""
    ready = relay.ready

    async def fetch() -> str:
        http = HttpClient(ca_file=ready["ca_file"])
        application = EntraApplication(ready["tenant_id"], ready["client_id"], ready["authority"])
        try:
            source = EntraSecret(http, application, lambda: Secret(ready["client_secret"]))
            return (await source.fetch(SCOPES[profile])).secret.reveal()
        finally:
            await http.close()

    return asyncio.run(fetch())


@dataclass(frozen=True)
class Result:
    """The facts to judge."""

    bridge: Bridge
    legal: Sequence[Cell]
    illegal: Sequence[tuple[Cell, Illegal]]
    """Illegal cells that show when a message is sent."""
    mistakes: Sequence[tuple[Cell, Illegal]]
    """Illegal cells that ``check`` reports; the relay does not start with them."""
    problems: Mapping[str, str]
    """What ``check`` reports about them, by target."""
    why: Mapping[str, Mapping[str, Any]]
    """The output of ``queue why`` for the other illegal ones, by route."""
    expected: frozenset[str]
    """Addresses that must get their mail."""

    def faults(self) -> list[str]:
        """Return all deviations from the expected outcomes, a line each."""
        found = [
            f"not delivered: {each}: {self.bridge.last_word(each)}"
            for each in sorted(self.expected - self.delivered)
        ]
        found += [f"delivered: {each}" for each in sorted(self.delivered - self.expected)]
        found += self._not_once()
        for cell, verdict in self.mistakes:
            said = self.problems.get(str(cell), "")
            if verdict.text not in said:
                found.append(f"{cell}: wanted {verdict}, the configuration says {said!r}")
        stops = self.bridge.stops()
        for cell, verdict in self.illegal:
            name = self.bridge.name(cell)
            fault = _fault_of(verdict, self.why.get(name, {}), stops.get(name, []))
            if fault:
                found.append(f"{cell}: wanted {verdict}, {fault}")
        return found

    def _not_once(self) -> list[str]:
        """Return the messages that a server does not have exactly once."""
        taken: Counter[str] = Counter()
        for upstream in self.bridge.upstreams.values():
            for each in upstream.accepted():
                taken.update(set(_ADDRESS.findall(each)))
        more = taken - Counter(self.expected)
        return [f"the server has it {count + 1} times: {each}" for each, count in more.items()] + [
            f"the server has not got it: {each}" for each in self.expected - set(taken)
        ]

    @property
    def delivered(self) -> set[str]:
        return self.bridge.delivered()


_ADDRESS: Final = re.compile(r"\w+@c\d+\.test")


def _fault_of(verdict: Illegal, why: Mapping[str, Any], stops: Sequence[Mapping[str, Any]]) -> str:
    if why.get("state") != "waiting":
        return f"it is {why.get('state')}: {why.get('sentence')}"
    if verdict.text not in why["sentence"] or why["finding"] not in verdict.findings:
        return f"got {why['finding']}: {why['sentence']}"
    if not why["advice"]:
        return "there is no advice"
    if [each["finding"] for each in stops] != [why["finding"]]:
        return f"raised {len(stops)} times"
    return ""


@contextmanager
def run(home: Path, cells: Sequence[Cell], upstreams: Sequence[Upstream]) -> Iterator[Result]:
    """Run every legal cell from every intake with accounts, and every illegal one from one
    intake."""
    offers = {each.name: each.offer() for each in upstreams}
    verdicts = [(cell, verdict_of(cell, offers[cell.server])) for cell in cells]
    legal = [cell for cell, verdict in verdicts if verdict is None]
    wrong = [(cell, verdict) for cell, verdict in verdicts if verdict is not None]
    mistakes = [each for each in wrong if each[1].is_mistake]
    illegal = [each for each in wrong if not each[1].is_mistake]
    services_home = home / "services"
    services_home.mkdir()
    authority = make_authority(services_home)
    (services_home / "ca.pem").write_bytes(Path(authority.ca_file).read_bytes())
    served = [*legal, *(cell for cell, _ in illegal)]
    with token_services(services_home, authority, list(upstreams)) as services:
        problems = problems_of([cell for cell, _ in mistakes], upstreams, services)
        with bridging(home / "relay", served, upstreams, services) as bridge:
            expected = set()
            for intake in BY_ACCOUNT:
                bridge.hand_in(intake, legal, LOGIN)
                expected |= {bridge.address(cell, intake) for cell in legal}
            wait_until(lambda: expected <= bridge.delivered())
            why = _try_in_vain(bridge, [cell for cell, _ in illegal])
            yield Result(bridge, legal, illegal, mistakes, problems, why, frozenset(expected))


def _try_in_vain(bridge: Bridge, cells: Sequence[Cell]) -> dict[str, Any]:
    """Submit mail that cannot be sent; return what is reported, by route."""
    why: dict[str, Any] = {}
    for start in range(0, len(cells), FEW):
        some = cells[start : start + FEW]
        ids = bridge.hand_in("PLAIN", some, LOGIN)
        vain = {bridge.address(cell, "PLAIN") for cell in some}
        wait_until(lambda vain=vain: vain <= bridge.tried())
        for each in ids:
            wait_until(lambda each=each: _report(bridge.why(each), why))
    return why


def _report(explained: dict[str, Any], why: dict[str, Any]) -> bool:
    """Add what is explained; False if a second attempt was in progress."""
    why.update(explained)
    return all(each.get("state") != "leased" for each in explained.values())


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not condition():  # type: ignore[operator]
        time.sleep(0.1)
