"""Options of the whole test run."""

import gc
import os
import random
import re
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from itertools import groupby
from pathlib import Path
from shutil import disk_usage
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from gatepost.testing import Emulator, EmulatorServer
from tests import fork_server, quick_hashes, quick_reserves, quick_start
from tests.examples import examples
from tests.postgres_server import stop_shared_server

pytest_plugins = ["tests.parallel", "tests.postgres_stores"]

# Properties are about all inputs, not about time: a busy machine must not fail them.
settings.register_profile(
    "patient", deadline=None, max_examples=examples(100),
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("patient")


MEMORY = Path("/dev/shm")
ENOUGH = 4_000_000_000
"""Octets free in memory for all files of the tests."""

AUTHORITY = Path(__file__).with_name("authority.pem")
"""The one authority that tests trust by default: 150 take 6 ms for each client of TLS."""

FOREIGN = re.compile(
    r"CI|COLUMNS|LINES|LANG|LANGUAGE|CLICOLOR.*|(NO|FORCE)_COLOR|(HTTPS?|ALL|NO)_PROXY"
    r"|(AWS|AZURE|GITHUB|LC|PG|SMTP|XDG)_?[A-Z_]+|GATEPOST_(?!PICTURES).+"
    r"|NOTIFY_SOCKET|CREDENTIALS_DIRECTORY|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE",
    re.IGNORECASE,
)
"""Variables of the environment by which this machine could change what programs do."""

Emulator._start_process = quick_start.Popen
EmulatorServer._start_process = fork_server.Popen
quick_hashes.use()
quick_reserves.use()


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Trust one authority by default, whatever the environment says, and keep files of tests in
    memory: they are written durably, and nobody needs them any more."""
    for name in filter(FOREIGN.fullmatch, list(os.environ)):
        del os.environ[name]
    os.environ["SSL_CERT_FILE"] = str(AUTHORITY)
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and disk_usage(MEMORY).free > ENOUGH:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


@pytest.fixture
def new_python() -> Iterator[None]:
    """Start the emulators of the test as their users do, with a Python of their own."""
    Emulator._start_process = EmulatorServer._start_process = subprocess.Popen
    yield
    Emulator._start_process = quick_start.Popen
    EmulatorServer._start_process = fork_server.Popen


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Freeze the collected objects, so that the garbage collector does not look at them again.

    Meanwhile the fork server starts that all processes of tests use.
    """
    if session.config.getoption("--workers") and not session.config.option.collectonly:
        fork_server.address()
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
    seed = config.getoption("--shuffle")
    if seed is None:
        return
    chance = random.Random(seed)
    modules = [list(each) for _, each in groupby(items, key=lambda item: item.path)]
    items[:] = [item for module in modules for item in chance.sample(module, len(module))]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Return a short id for unreadable octets."""
    if isinstance(val, bytes) and not val.isascii():
        return f"{argname}-octets"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    stop_shared_server(session.config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def refuse_skip(config: pytest.Config, report: Report) -> Report:
    """Let a skip be a failure with ``--no-skips``: a failure can be run again, alone."""
    if config.getoption("--no-skips") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which --no-skips forbids: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refuse_skip(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refuse_skip(collector.config, (yield))
