"""``--workers N``: runs the tests in N processes that are forked once all tests are collected.

So they are imported and collected once, whatever the number of processes. A process takes the next
module once it has finished one, and runs it whole, so that what a module shares is made once.
Modules that take long and share nothing are taken test by test. A test that ends its process has
failed, and another process runs the rest of its module.
"""

import atexit
import os
import signal
import struct
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from mmap import mmap
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any, Final, NoReturn

import pytest

LONG: Final = {"test_bench_crash.py", "test_crash.py", "test_examples.py", "test_queue_crash.py"}
"""Modules whose tests take long, and share nothing."""
NUMBER: Final = struct.Struct("=i")
STREAMS: Final = ("stdout", "stderr")
Location = tuple[str, int | None, str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--workers",
        metavar="N",
        help="run the tests in N processes; auto: three times the number of cores, because tests "
        "spend about half of their time waiting",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run all tests in processes, if there shall be several."""
    workers = session.config.getoption("--workers")
    number = 3 * (os.cpu_count() or 1) if workers == "auto" else int(workers or 0)
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
    """Return the numbers of the tests to take at a time; what takes long is spread, but not to the
    end."""
    units = [list(unit) for _, unit in groupby(range(len(items)), lambda each: items[each].path)]
    long = [[each] for unit in units if items[unit[0]].path.name in LONG for each in unit]
    units = [unit for unit in units if items[unit[0]].path.name not in LONG]
    step = len(units) * 3 // 4 / max(1, len(long))
    for number, unit in enumerate(long):
        units.insert(int(number * step) + number, unit)
    return units


@dataclass
class Worker:
    """A process, as the parent sees it."""

    number: int
    pid: int
    outputs: list[int]
    """The files that have what the running test wrote to standard output and error."""
    reported: str = ""
    """The last test that it has reported."""


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
        self._running = mmap(-1, NUMBER.size * size)
        self._workers: dict[Connection, Worker] = {}
        """By the connection with its results."""
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
            self._work(number, first, connection)

    def report_all(self) -> None:
        """Report what the processes send, until they end."""
        while self._workers:
            for connection in wait(list(self._workers)):
                assert isinstance(connection, Connection)
                try:
                    result = connection.recv()
                except (EOFError, ConnectionResetError):
                    self._replace(connection)
                    continue
                if isinstance(result, tuple):
                    self._workers[connection].reported = result[0]
                    self._report(*result)
                else:  # it ends
                    self._session.shouldfail = self._session.shouldfail or result or False
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
        (running,) = NUMBER.unpack_from(self._running, NUMBER.size * worker.number)
        item = self._session.items[running]
        report = pytest.TestReport(
            item.nodeid, item.location, {}, "failed", f"ended its process with {status}",
            "teardown" if item.nodeid == worker.reported else "call",
            [(f"Captured {name}", text) for name, text in named if text],
        )  # fmt: skip
        hook = self._session.config.hook
        data = hook.pytest_report_to_serializable(config=self._session.config, report=report)
        self._report(item.nodeid, item.location, [data])
        module = next(each for each in self._modules if running in each)
        self.start(worker.number, module[module.index(running) + 1 :])

    def _join(self, connection: Connection) -> int:
        """Wait for the end of a process; return how it ended."""
        connection.close()
        worker = self._workers.pop(connection)
        for each in worker.outputs:
            os.close(each)
        return os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])

    def _report(self, nodeid: str, location: Location, reports: list[dict[str, Any]]) -> None:
        config = self._session.config
        if config.get_verbosity() > 0:
            config.hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        for data in reports:
            report = config.hook.pytest_report_from_serializable(config=config, data=data)
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
        plugins.register(Sender(config, connection))
        try:
            try:
                self._run_tests(number, first)
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

    def _run_tests(self, process: int, first: Sequence[int]) -> None:
        numbers = self._take(first)
        number = next(numbers, None)
        while number is not None:
            NUMBER.pack_into(self._running, NUMBER.size * process, number)
            item, number = self._session.items[number], next(numbers, None)
            following = None if number is None else self._session.items[number]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

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
    """Sends the reports of a process to its parent: all of a test at once.

    That it was set up and torn down is left out, unless somebody wants to know how long it took.
    """

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self._config = config
        self._connection = connection
        self._reports: list[dict[str, Any]] = []
        self._is_timed = config.getoption("durations") is not None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and report.when != "call" and not self._is_timed:
            return
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._reports.append(data)

    def pytest_runtest_logfinish(self, nodeid: str, location: Location) -> None:
        self._connection.send((nodeid, location, self._reports))
        self._reports = []
