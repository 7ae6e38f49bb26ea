"""Options of the whole test run."""

import gc
import os
import random
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from itertools import groupby
from pathlib import Path
from shutil import disk_usage

import pytest
from hypothesis import HealthCheck, settings

from gatepost.testing import Emulator
from tests import fork_server
from tests.examples import examples

# Properties are about all inputs, not about time: a busy machine must not fail them.
settings.register_profile(
    "patient", deadline=None, max_examples=examples(100),
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("patient")


MEMORY = Path("/dev/shm")
ENOUGH = 4_000_000_000
"""Octets free in memory for all files of the tests."""

LONG = {"test_bench_crash.py", "test_crash.py", "test_examples.py", "test_queue_crash.py"}
"""Modules whose tests take long, and share nothing."""

Emulator._start_process = fork_server.Popen


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Keep files of tests in memory: they are written durably, and nobody needs them any more."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and disk_usage(MEMORY).free > ENOUGH:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


@pytest.fixture(scope="module")
def new_python() -> Iterator[None]:
    """Start each Emulator of the module as its users do, with a Python of its own."""
    Emulator._start_process = subprocess.Popen
    yield
    Emulator._start_process = fork_server.Popen


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return twice the number of cores: tests spend about half of their time waiting."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Freeze the collected objects, so that the garbage collector does not look at them again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="fail when a test was skipped: where everything is installed, a skip hides a gap",
    )
    parser.addoption(
        "--shuffle",
        metavar="SEED",
        help="run the tests of each module in an order of chance: none may need another",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the modules in order, so that what a module shares is made once; but spread what takes
    long, so that no process has most of it at the end."""
    seed = config.getoption("--shuffle")
    if seed is None:
        items[:] = _spread(items)
        return
    chance = random.Random(seed)
    modules = [list(each) for _, each in groupby(items, key=lambda item: item.path)]
    items[:] = [item for module in modules for item in chance.sample(module, len(module))]


def _spread(items: list[pytest.Item]) -> list[pytest.Item]:
    long = [item for item in items if item.path.name in LONG]
    others = [item for item in items if item.path.name not in LONG]
    places = [(number * len(others) // len(long), item) for number, item in enumerate(long)]
    together = [*((place, 0, item) for place, item in places),
                *((place, 1, item) for place, item in enumerate(others))]  # fmt: skip
    return [item for *_, item in sorted(together, key=lambda each: each[:2])]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Return an id for unreadable octets: random ones differ between workers, even in number."""
    if isinstance(val, bytes) and not val.isascii():
        return f"{argname}-octets"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not session.config.getoption("--no-skips"):
        return  # a worker of xdist reports to its controller, which counts
    if skipped := reporter.stats.get("skipped"):
        reporter.write_line(f"\n{len(skipped)} skipped, none allowed (--no-skips)", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
