"""Measures, prints the results, and exits with 1 if a promise is not kept."""

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench import (
    checks,
    intake,
    leasing,
    logins,
    memory,
    relay_nodes,
    relaying,
    report,
    rest,
    rest_intake,
    soak,
    startup,
    waiting,
)
from bench.load import Load
from bench.report import Promise
from bench.scenarios import SCENARIOS, STALLS, Runs, Scenario, measure
from bench.servers import OURS, TWO_WORKERS, Server, aiosmtpd, gatepost, postfix

RESULTS = Path(__file__).with_name("results") / "latest.json"
WORST_COMMIT_MS = 40.0
GIB = 1 << 30


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each load (default: 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="times the messages of each load")
    parser.add_argument("--only", default="", metavar="TEXT", help="loads whose name contains TEXT")
    parser.add_argument("--peers-only", action="store_true", help="leave out our own server")
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path("/var/tmp"),
        help="a directory on a disk (not tmpfs) with some GiB free (default: /var/tmp)",
    )
    return parser.parse_args()


def servers(stack: ExitStack, home: Path, secure: bool, peers_only: bool) -> list[Server]:
    """Yield the servers. The ACS profile requires TLS and AUTH, so without them the profile
    ``open`` is used."""
    running = [stack.enter_context(postfix(home / "postfix"))]
    if not secure:
        running.append(stack.enter_context(aiosmtpd()))
    if not peers_only:
        profile = "acs" if secure else "open"
        for workers in (1, 2):
            data = home / f"{profile}-{workers}"
            running.append(stack.enter_context(gatepost(data, profile, workers)))
    return running


def rates(home: Path, options: argparse.Namespace) -> list[dict[str, Runs]]:
    measured = []
    for number, scenario in enumerate((*SCENARIOS, STALLS)):
        if options.only not in scenario.name:
            continue
        scaled = replace(scenario, load=scenario.load.scaled(options.scale))
        here = home / str(number)
        here.mkdir(mode=0o755)
        print(f"{scenario.name} ...", file=sys.stderr)
        with ExitStack() as stack:
            running = servers(stack, here, scenario.load.secure, options.peers_only)
            measured.append(measure(scaled, running, options.rounds))
    return measured


def latencies(scenario: Scenario[Load], runs: Runs) -> list[Promise]:
    """Return what must not be slow even once. The best run counts, because other work only adds
    time."""
    if scenario.name == STALLS.name:
        return [Promise(f"{runs.server}: stalled sessions", runs.best("stalls"), 0, "")]
    if scenario.load.pipelined:
        name = f"{scenario.name}: {runs.server}, worst message"
        return [Promise(name, runs.best("worst"), WORST_COMMIT_MS, "ms")]
    return []


def main() -> int:
    options = arguments()
    if shutil.disk_usage(options.dir).free < 6 * GIB:
        print(f"bench: {options.dir} has less than 6 GiB free", file=sys.stderr)
        return 1
    promises: list[Promise] = []
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-", dir=options.dir) as directory:
        home = Path(directory)
        home.chmod(0o755)  # Postfix runs as its own users
        measured = rates(home, options)
        signed_in = [*logins.rates(home, options), *rest.rates(home, options)]
        relayed = list(relaying.rates(home, options))
        crowded = list(waiting.promises(home, options))
        shared = [
            measurement
            for part in (intake, rest_intake, relay_nodes, leasing)
            for measurement in part.measurements(home, options)
        ]
        if not options.peers_only and not options.only:
            promises += memory.promises(home)
            promises += soak.soak(home / "soak")
            promises += startup.promises(home)
            promises += checks.promises()
    for scenario in measured:
        promises += report.ratios(scenario)
        for ours in (OURS, TWO_WORKERS):
            if ours in scenario:
                promises += latencies(scenario[ours].scenario, scenario[ours])
    for scenario in signed_in:
        promises += report.ratios(scenario)
    for scenario in relayed:
        promises += [*report.ratios(scenario), *relaying.promises(scenario)]
    for scenario, kept in (*crowded, *shared):
        promises += kept
        relayed.append(scenario)
    measured += [*signed_in, *relayed]
    report.show(measured, promises)
    report.save(RESULTS, measured, promises)
    return 0 if all(promise.kept for promise in promises) else 1


if __name__ == "__main__":
    sys.exit(main())
