"""The loads, and how many times faster than other servers we promise to be."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from bench.load import Load, LoadFailed, Outcome, Work
from bench.servers import Server

WARM_UP = 0.05
"""The fraction of a load that is sent before the measurement: processes start, caches fill."""


W = TypeVar("W", bound=Work)


@dataclass(frozen=True, slots=True)
class Scenario(Generic[W]):
    """`floors`: for each other server, the minimum ratio of our rate to its rate."""

    name: str
    load: W
    floors: Mapping[str, float]


def floors(**ratios: float) -> Mapping[str, float]:
    return MappingProxyType(ratios)


# fmt: off
SCENARIOS: Final = (
    Scenario("4 KB, kept",
             Load(8000, per_connection=250), floors(postfix=3.0)),
    Scenario("4 KB, kept, TLS + AUTH",
             Load(8000, per_connection=250, secure=True), floors(postfix=3.0)),
    Scenario("4 KB, new TLS + AUTH for each",
             Load(3000, secure=True), floors(postfix=2.0)),
    Scenario("100 KB, kept, pipelined",
             Load(2000, per_connection=100, size=102_400, pipelined=True),
             floors(postfix=2.0, aiosmtpd=3.0)),
)
STALLS: Final = Scenario("one client, new TLS + AUTH each",
                         Load(150, connections=1, secure=True), floors())
# fmt: on


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs of one scenario with one server; a figure is their median."""

    scenario: Scenario[Any]
    server: str
    outcomes: list[Outcome] = field(default_factory=list)
    failure: list[str] = field(default_factory=list)

    def median(self, figure: str) -> float:
        return float(median(getattr(outcome, figure) for outcome in self.outcomes))

    def best(self, figure: str) -> float:
        """Return the minimum, for figures that other work can only increase."""
        return min((getattr(outcome, figure) for outcome in self.outcomes), default=float("inf"))


def measure(scenario: Scenario[Any], servers: Sequence[Server], rounds: int) -> dict[str, Runs]:
    """Measure each server in turn, `rounds` times, so that other work affects all of them."""
    runs = {server.name: Runs(scenario, server.name) for server in servers}
    for server in servers:
        with suppress(LoadFailed):  # it will fail again, and count, below
            scenario.load.scaled(WARM_UP).run(server)
    for _ in range(rounds):
        for server in servers:
            try:
                runs[server.name].outcomes.append(scenario.load.run(server))
            except LoadFailed as failure:
                runs[server.name].failure.append(str(failure))
    return runs
