"""``--workers N``: runs the tests in N processes that are forked once all tests are collected.

So they are imported and collected once, whatever the number of processes. A process takes the next
module once it has finished one, and runs it whole, so that what a module shares is made once.
Modules that take long are taken test by test, or by what their tests share. Tests that mostly wait
run beside those that compute. A test that ends its process has failed, and another process runs the
rest of its module.
"""

import atexit
import gc
import os
import signal
import struct
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from mmap import mmap
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

LONG: Final = {"test_bench_crash.py", "test_crash.py", "test_examples.py", "test_queue_crash.py"}
"""Modules whose tests take long, and share nothing."""
WAITING: Final = {"clients", "conformance", "docs", "matrix", "remedies", "shell"}
"""Folders whose tests mostly wait for other processes and for timeouts."""
SHARING: Final = {"shape"}
"""Folders whose modules share what they read, so that one process takes them all."""
PARTS: Final = {"test_packages.py": "library"}
"""Modules that take long, and the parameter of their tests by which these share something."""
NUMBER: Final = struct.Struct("=i")
POSITION: Final = struct.Struct("=ii")
"""The number of the test that a process runs, and of the one that follows: -1 if there is none."""
STREAMS: Final = ("stdout", "stderr")
LATEST: Final = 0.1
"""Seconds after which a process sends reports even if its module goes on."""
Location = tuple[str, int | None, str]
Result = tuple[str, Location, list[Any]]
"""A test's id, its place, and its reports: what the hooks of pytest make of one, or, of one that
only says that a phase has passed, the phase and its seconds."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--workers",
        metavar="N",
        help="run the tests in N processes; cores: one for each core; auto: four for each core, "
        "because tests spend more than half of their time waiting",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run all tests in processes, if there shall be several."""
    workers = session.config.getoption("--workers")
    cores = os.cpu_count() or 1
    number = {"cores": cores, "auto": 4 * cores}.get(workers) or int(workers or 0)
    if not number or session.testsfailed or session.config.option.collectonly:
        return None
    crew = Crew(session, number)
    try:
        for each in range(number):
            crew.start(each)
        crew.report_all()
    finally:
        crew.stop()
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    return True


def modules(items: list[pytest.Item]) -> list[list[int]]:
    """Return the numbers of the tests to take at a time; what waits or takes long is spread, but
    not to the end."""
    computing, waiting, long = [], [], []
    for _, unit in groupby(range(len(items)), lambda each: unit_of(items[each])):
        numbers = list(unit)
        path = items[numbers[0]].path
        if path.name in LONG:
            long += [[each] for each in numbers]
        elif path.parent.name in WAITING:
            waiting.append(numbers)
        else:
            computing.append(numbers)
    return spread(long, spread(waiting, computing))


def unit_of(item: pytest.Item) -> tuple[Path, object]:
    """Return what a process takes as a whole with this test: its folder, its module, or the tests
    of that with the same value of a parameter."""
    if item.path.parent.name in SHARING:
        return item.path.parent, None
    call = getattr(item, "callspec", None)
    return item.path, call and call.params.get(PARTS.get(item.path.name))


def spread(some: list[list[int]], others: list[list[int]]) -> list[list[int]]:
    """Return the others with some at equal distances between the first three quarters of them."""
    step = len(others) * 3 // 4 / max(1, len(some))
    units = list(others)
    for number, unit in enumerate(some):
        units.insert(int(number * step) + number, unit)
    return units


@dataclass
class Worker:
    """A process, as the parent sees it."""

    number: int
    pid: int
    outputs: list[int]
    """The files that have what the running test wrote to standard output and error."""


class Crew:
    """The processes, and what they share: the modules to take, which tests run, and whether to
    stop."""

    def __init__(self, session: pytest.Session, size: int) -> None:
        self._session = session
        self._modules = modules(session.items)
        self._untaken, queue = os.pipe()
        os.set_blocking(queue, False)
        os.write(queue, b"".join(map(NUMBER.pack, range(len(self._modules)))))
        os.close(queue)
        self._stopped = mmap(-1, 1)
        self._positions = mmap(-1, POSITION.size * size)
        self._workers: dict[Connection, Worker] = {}
        """By the connection with its results."""
        self._reported: set[str] = set()
        """The tests that were reported."""
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]

    def start(self, number: int, first: Sequence[int] = ()) -> None:
        """Fork a process, which runs these tests before it takes others."""
        results, connection = Pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        if pid := os.fork():
            connection.close()
            outputs = [recv_handle(results) for _ in range(results.recv())]
            self._workers[results] = Worker(number, pid, outputs)
        else:
            for each in (results, *self._workers):
                each.close()
            gc.freeze()  # the tests that were collected stay: do not look at them each time
            self._work(number, first, connection)

    def report_all(self) -> None:
        """Report what the processes send, until they end."""
        while self._workers:
            for connection in wait(list(self._workers)):
                assert isinstance(connection, Connection)
                try:
                    results = connection.recv()
                except (EOFError, ConnectionResetError):
                    self._replace(connection)
                    continue
                if isinstance(results, list):
                    for result in results:
                        self._report(*result)
                else:  # it ends
                    self._session.shouldfail = self._session.shouldfail or results or False
                    self._join(connection)
            if self._session.shouldfail or self._session.shouldstop:
                self._stopped[0] = 1

    def stop(self) -> None:
        """Interrupt the processes that still run, and wait for their end."""
        for connection in list(self._workers):
            os.kill(self._workers[connection].pid, signal.SIGINT)
            self._join(connection)

    def _replace(self, connection: Connection) -> None:
        """Report the test that has ended its process, and let another one go on."""
        worker = self._workers[connection]
        written = [os.pread(each, 1 << 20, 0).decode("utf-8", "replace") for each in worker.outputs]
        named = zip(STREAMS, written, strict=False)
        status = self._join(connection)
        running, following = POSITION.unpack_from(self._positions, POSITION.size * worker.number)
        item = self._session.items[running]
        report = pytest.TestReport(
            item.nodeid, item.location, {}, "failed", f"ended its process with {status}",
            "teardown" if item.nodeid in self._reported else "call",
            [(f"Captured {name}", text) for name, text in named if text],
        )  # fmt: skip
        self._report(item.nodeid, item.location, [report])
        taken = [each for each in self._modules if running in each or following in each]
        numbers = [number for module in taken for number in module]
        items = self._session.items
        self.start(worker.number, [n for n in numbers if items[n].nodeid not in self._reported])

    def _join(self, connection: Connection) -> int:
        """Wait for the end of a process; return how it ended."""
        connection.close()
        worker = self._workers.pop(connection)
        for each in worker.outputs:
            os.close(each)
        return os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])

    def _report(self, nodeid: str, location: Location, reports: list[Any]) -> None:
        config = self._session.config
        self._reported.add(nodeid)
        if config.get_verbosity() > 0:
            config.hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        for report in reports:
            if isinstance(report, tuple):
                when, seconds = report
                report = pytest.TestReport(  # noqa: PLW2901
                    nodeid, location, {}, "passed", None, when, duration=seconds
                )
            elif isinstance(report, dict):
                report = config.hook.pytest_report_from_serializable(config=config, data=report)  # noqa: PLW2901
            config.hook.pytest_runtest_logreport(report=report)
        config.hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    def _work(self, number: int, first: Sequence[int], connection: Connection) -> NoReturn:
        """Run tests in this process, and end it."""
        config, status = self._session.config, 1
        plugins = config.pluginmanager
        plugins.unregister(name="terminalreporter")
        capture: Any = plugins.get_plugin("capturemanager")
        capture.stop_global_capturing()  # into files that are shared with the other processes
        capture.start_global_capturing()
        _send_outputs(capture._global_capturing, connection)
        capture.suspend_global_capture()
        sender = Sender(config, connection)
        plugins.register(sender)
        try:
            try:
                self._run_tests(number, first, sender)
            finally:
                self._session._setupstate.teardown_exact(None)
            config.hook.pytest_unconfigure(config=config)  # fails if the end of an object failed
            atexit._run_exitfuncs()
            connection.send(None)
            status = 0
        except BaseException:  # noqa: BLE001 - the parent raises it
            connection.send(f"a process of tests failed:\n{traceback.format_exc()}")
        finally:
            os._exit(status)

    def _run_tests(self, process: int, first: Sequence[int], sender: "Sender") -> None:
        items = self._session.items
        numbers = self._take(first)
        number = next(numbers, -1)
        while number >= 0:
            running, number = number, next(numbers, -1)
            POSITION.pack_into(self._positions, POSITION.size * process, running, number)
            item, following = items[running], items[number] if number >= 0 else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if following is None or following.path != item.path:
                sender.send()

    def _take(self, first: Sequence[int]) -> Iterator[int]:
        """Take modules after these tests; yield the number of each test."""
        taken = first
        while not self._stopped[0]:
            yield from takewhile(lambda _: not self._stopped[0], taken)
            octets = os.read(self._untaken, NUMBER.size)
            if not octets:
                return
            taken = self._modules[NUMBER.unpack(octets)[0]]


def _send_outputs(captured: Any, connection: Connection) -> None:
    """Send the files that output is captured in, if it is."""
    captures = [each for each in (captured.out, captured.err) if hasattr(each, "tmpfile")]
    connection.send(len(captures))
    for each in captures:
        send_handle(connection, each.tmpfile.fileno(), os.getppid())


class Sender:
    """Sends the reports of a process to its parent: all of a test at once, and of several quick
    tests.

    That it was set up and torn down is left out, unless somebody wants to know how long it took.
    """

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self._config = config
        self._connection = connection
        self._reports: list[Any] = []
        self._results: list[Result] = []
        self._sent_at = time.monotonic()
        self._is_timed = config.getoption("durations") is not None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and not report.sections and not hasattr(report, "wasxfail"):
            if report.when == "call" or self._is_timed:
                self._reports.append((report.when, report.duration))
            return
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._reports.append(data)

    def pytest_runtest_logfinish(self, nodeid: str, location: Location) -> None:
        self._results.append((nodeid, location, self._reports))
        has_news = any(isinstance(each, dict) for each in self._reports)
        self._reports = []
        if has_news or time.monotonic() - self._sent_at > LATEST:
            self.send()

    def send(self) -> None:
        """Send what is there."""
        self._connection.send(self._results)
        self._results = []
        self._sent_at = time.monotonic()
