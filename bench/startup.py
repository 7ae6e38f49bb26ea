"""Measures how long a person waits for a command."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.load import Load, run
from bench.report import Promise
from bench.servers import gatepost
from tests.commands import GATEPOST

TRIES = 15


def milliseconds(*command: str) -> float:
    times = []
    for _ in range(TRIES):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return median(times) * 1e3


def promises(home: Path) -> Iterator[Promise]:
    python: Sequence[str] = (sys.executable, "-c")
    bare = milliseconds(*python, "")
    yield Promise("import gatepost", milliseconds(*python, "import gatepost") - bare, 60, "ms")
    yield Promise("gatepost --help", milliseconds(GATEPOST, "--help"), 150, "ms")
    data = home / "startup"
    with gatepost(data, "acs") as server:
        run(server, Load(2000, per_connection=100, secure=True))
        count = milliseconds(GATEPOST, "messages", "count", "--data", str(data))
    yield Promise("gatepost messages count, of 2,000", count, 100, "ms")
