"""Measures the console with very many messages, and what it costs the acceptance of mail.

``python -m bench.console``: how long lists and searches take, and the first paint of the inbox in
Chromium; how much processor time and memory a message takes while pages are open, compared with
none; whether a page's memory stays the same while mail arrives.
"""

import argparse
import asyncio
import http.client
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from bench import report
from bench.load import Load, run
from bench.mail_for_console import COMMON, NEVER, RARE, fill
from bench.process import memory_kib
from bench.report import Promise
from bench.servers import Server, server_of
from gatepost.testing import Emulator

SEARCH_MS: Final = 100.0
PAINT_MS: Final = 300.0
COST: Final = 1.03
"""Times the processor time and the memory of a message without open pages."""
RATE: Final = 0.95
"""The fraction of the messages a second without open pages."""
HEAP: Final = 1.1
"""Times the memory of a page before mail arrives."""
PAGES: Final = 5
REPEATS: Final = 7
LOAD: Final = Load(10_000, per_connection=500, connections=20)
ARRIVALS: Final = 10_000
SEARCHES: Final = {
    "first page of the list": "messages",
    "the newest message": "message/latest",
    "a common word": f"search?query={COMMON}",
    "a rare word": f"search?query={RARE}",
    "a word that never occurs": f"search?query={NEVER}",
    "part of a subject": "search?query=subject:77777",
    "two words together": f"search?query={quote(chr(34) + 'code is 12345' + chr(34))}",
    "mail without a common word": f"search?query=-{COMMON}",
    "unread mail": "search?query=is:unread",
    "a code": "search?query=code:123456",
}


class Chromium:
    """A browser that is signed in; ``bench/console.mjs`` has its commands."""

    def __init__(self, path: str, relay: Emulator) -> None:
        script = Path(__file__).with_name("console.mjs")
        self._process = subprocess.Popen(
            ["node", script, path, relay.ready["console"], relay.ready["api_token"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, command: str, value: int = 0) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps([command, value])}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def quit(self) -> None:
        self._process.communicate(timeout=30)


@contextmanager
def chromium(relay: Emulator) -> Iterator[Chromium]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise SystemExit("bench: Chromium is missing")
    browser = Chromium(path, relay)
    try:
        yield browser
    finally:
        browser.quit()


def searches(relay: Emulator) -> Iterator[Promise]:
    """Return how long the API takes for each list and search, in the middle of some tries."""
    connection = http.client.HTTPConnection(urlsplit(relay.ready["console"]).netloc)
    for name, path in SEARCHES.items():
        times = []
        for _ in range(REPEATS):
            begun = time.perf_counter()
            connection.request("GET", f"/api/v1/{path}")
            connection.getresponse().read()
            times.append((time.perf_counter() - begun) * 1_000)
        yield Promise(f"console: {name}", statistics.median(times), SEARCH_MS, "ms")
    connection.close()


def paint(browser: Chromium) -> Promise:
    times = [browser("paint") for _ in range(REPEATS)]
    return Promise("console: first paint of the inbox", statistics.median(times), PAINT_MS, "ms")


def costs(server: Server, browser: Chromium, rounds: int, load: Load) -> Iterator[Promise]:
    """Compare runs while pages are open with others, alternately."""
    seen: dict[int, list[Sequence[float]]] = {0: [], PAGES: []}
    run(server, load)
    for _ in range(rounds):
        for pages, measured in seen.items():
            browser("open", pages)
            outcome = run(server, load)
            measured.append((outcome.server_cpu, memory_kib(server.pid), outcome.rate))
            browser("close")
            time.sleep(2)
    print(f"us a message, KiB, messages a second, by open pages: {seen}", file=sys.stderr)
    without, others = (
        [statistics.median(each) for each in zip(*measured, strict=True)]
        for measured in seen.values()
    )
    cpu, memory, rate = (other / one for other, one in zip(others, without, strict=True))
    yield Promise("console: processor time of a message", cpu, COST, "x")
    yield Promise("console: memory", memory, COST, "x")
    yield Promise("console: rate of acceptance", rate, RATE, "x", at_least=True)


def arrivals(server: Server, browser: Chromium, count: int) -> Iterator[Promise]:
    """Compare the memory of a page before and after so many messages."""
    browser("open", 1)
    run(server, Load(1_000, per_connection=50))
    time.sleep(20)
    [[before, _]] = browser("heap")
    run(server, Load(count, per_connection=count // 20))
    time.sleep(20)
    [[after, nodes]] = browser("heap")
    browser("close")
    print(f"heap {before:.0f} -> {after:.0f}, {nodes} nodes", file=sys.stderr)
    yield Promise(f"console: a page after {count:,} messages", after / before, HEAP, "x")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.console", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="times the messages of each load")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"))
    options = parser.parse_args()
    promises: list[Promise] = []
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-", dir=options.dir) as directory:
        data = Path(directory) / "data"
        asyncio.run(fill(data, options.messages))
        with Emulator("open", data=data) as relay, chromium(relay) as browser:
            server = server_of(relay)
            promises += [*searches(relay), paint(browser)]
            promises += costs(server, browser, options.rounds, LOAD.scaled(options.scale))
            promises += arrivals(server, browser, round(ARRIVALS * options.scale))
    report.show([], promises)
    return 0 if all(promise.kept for promise in promises) else 1


if __name__ == "__main__":
    sys.exit(main())
