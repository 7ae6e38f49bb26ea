"""``--workers N``: runs the tests in N processes that are forked once all tests are collected.

So they are imported and collected once, whatever the number of processes. A process takes the next
module once it has finished one, and runs it whole, so that what a module shares is made once.
Modules that take long and share nothing are taken test by test.
"""

import atexit
import os
import signal
import struct
import sys
import traceback
from collections.abc import Iterator
from itertools import groupby
from mmap import mmap
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, Final, NoReturn

import pytest

from tests import fork_server

LONG: Final = {"test_bench_crash.py", "test_crash.py", "test_examples.py", "test_queue_crash.py"}
"""Modules whose tests take long, and share nothing."""
NUMBER: Final = struct.Struct("=i")
Location = tuple[str, int | None, str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--workers",
        metavar="N",
        help="run the tests in N processes; auto: twice the number of cores, because tests spend "
        "about half of their time waiting",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run all tests in processes, if there shall be several."""
    workers = session.config.getoption("--workers")
    number = 2 * (os.cpu_count() or 1) if workers == "auto" else int(workers or 0)
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
        self._processes: dict[Connection, tuple[int, int]] = {}
        """By the connection with its results, the number and the id of each process."""
        fork_server.address()  # one for all
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]

    def start(self, number: int) -> None:
        """Fork a process."""
        results, connection = Pipe(duplex=False)
        sys.stdout.flush()
        sys.stderr.flush()
        if pid := os.fork():
            connection.close()
            self._processes[results] = number, pid
        else:
            for each in (results, *self._processes):
                each.close()
            self._work(number, connection)

    def report_all(self) -> None:
        """Report what the processes send, until they end."""
        while self._processes:
            for connection in wait(list(self._processes)):
                assert isinstance(connection, Connection)
                try:
                    result = connection.recv()
                except EOFError:
                    self._session.shouldfail = self._join(connection)
                    continue
                if isinstance(result, str):
                    self._session.shouldfail = result
                elif result:
                    self._report(*result)
                else:
                    self._join(connection)
            if self._session.shouldfail or self._session.shouldstop:
                self._stopped[0] = 1

    def stop(self) -> None:
        """Interrupt the processes that still run, and wait for their end."""
        for connection in list(self._processes):
            os.kill(self._processes[connection][1], signal.SIGINT)
            self._join(connection)

    def _join(self, connection: Connection) -> str:
        """Wait for the end of a process; return how it ended."""
        connection.close()
        number, pid = self._processes.pop(connection)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        (running,) = NUMBER.unpack_from(self._running, NUMBER.size * number)
        return f"{self._session.items[running].nodeid} ended its process with {status}"

    def _report(self, nodeid: str, location: Location, reports: list[dict[str, Any]]) -> None:
        config = self._session.config
        if config.get_verbosity() > 0:
            config.hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        for data in reports:
            report = config.hook.pytest_report_from_serializable(config=config, data=data)
            config.hook.pytest_runtest_logreport(report=report)
        config.hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    def _work(self, number: int, connection: Connection) -> NoReturn:
        """Run tests in this process, and end it."""
        config, status = self._session.config, 1
        plugins = config.pluginmanager
        plugins.unregister(name="terminalreporter")
        capture: Any = plugins.get_plugin("capturemanager")
        capture.stop_global_capturing()  # into files that are shared with the other processes
        capture.start_global_capturing()
        capture.suspend_global_capture()
        plugins.register(Sender(config, connection))
        try:
            try:
                self._run_tests(number)
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

    def _run_tests(self, process: int) -> None:
        numbers = self._take()
        number = next(numbers, None)
        while number is not None:
            NUMBER.pack_into(self._running, NUMBER.size * process, number)
            item, number = self._session.items[number], next(numbers, None)
            following = None if number is None else self._session.items[number]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _take(self) -> Iterator[int]:
        """Take modules; yield the number of each test."""
        while octets := os.read(self._untaken, NUMBER.size):
            for number in self._modules[NUMBER.unpack(octets)[0]]:
                if self._stopped[0]:
                    return
                yield number


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
