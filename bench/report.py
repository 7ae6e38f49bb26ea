"""Tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.scenarios import Runs
from bench.servers import OURS, TWO_WORKERS

HEADINGS = (
    "per s", "p50 ms", "p99 ms", "worst ms", "CPU us each", "of it database", "waits >35 ms",
    "other CPU",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: `measured` must be at least (or at most) `bound`."""

    name: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False

    @property
    def kept(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def ratios(measured: dict[str, Runs]) -> Iterable[Promise]:
    """Return the ratios of our rates to those of each other server, for one scenario."""
    for ours in (OURS, TWO_WORKERS):
        if ours not in measured:
            continue
        scenario = measured[ours].scenario
        for peer, floor in scenario.floors.items():
            if peer in measured:
                name = f"{scenario.name}: {ours} by {peer}"
                yield Promise(name, ratio(measured[ours], measured[peer]), floor, "x", True)


def ratio(ours: Runs, peer: Runs) -> float:
    if ours.failure or peer.failure:
        return 0.0
    return ours.median("rate") / peer.median("rate")


def rates_table(measured: Sequence[dict[str, Runs]]) -> Table:
    table = Table(title="Rates (medians)", title_justify="left")
    table.add_column("load")
    table.add_column("server")
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for scenario in measured:
        for runs in scenario.values():
            table.add_row(runs.scenario.name, runs.server, *figures(runs))
        table.add_section()
    return table


def figures(runs: Runs) -> list[str]:
    if runs.failure:
        return ["failed", *[""] * (len(HEADINGS) - 1)]
    return [
        f"{runs.median('rate'):,.0f}",
        f"{runs.median('p50'):.2f}",
        f"{runs.median('p99'):.2f}",
        f"{runs.best('worst'):.1f}",
        f"{runs.median('server_cpu'):,.0f}",
        f"{database:,.0f}" if (database := runs.median("database_cpu")) else "",
        f"{runs.median('stalls'):.0f}",
        f"{runs.median('foreign_cpu'):.0%}",
    ]


def promises_table(promises: Sequence[Promise]) -> Table:
    table = Table(title="Promises", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("bound", justify="right")
    table.add_column("")
    for promise in promises:
        sign = ">=" if promise.at_least else "<="
        table.add_row(
            promise.name,
            f"{promise.measured:,.2f} {promise.unit}",
            f"{sign} {promise.bound:,.2f} {promise.unit}",
            "[green]PASS[/]" if promise.kept else "[red]FAIL[/]",
        )
    return table


def show(measured: Sequence[dict[str, Runs]], promises: Sequence[Promise]) -> None:
    console = Console(width=132)
    if measured:
        console.print(rates_table(measured))
    console.print(promises_table(promises))
    for scenario in measured:
        for runs in scenario.values():
            for failure in runs.failure:
                console.print(f"{runs.scenario.name}: {failure}", style="red")


def save(path: Path, measured: Sequence[dict[str, Runs]], promises: Sequence[Promise]) -> None:
    document = {
        "rates": [
            {
                "load": runs.scenario.name,
                "server": runs.server,
                "runs": [asdict(outcome) for outcome in runs.outcomes],
                "failures": runs.failure,
            }
            for scenario in measured
            for runs in scenario.values()
        ],
        "promises": [asdict(promise) | {"kept": promise.kept} for promise in promises],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
