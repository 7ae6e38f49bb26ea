"""Processes of Python that start at once: forks of one that has imported Gatepost already.

``Popen`` and ``run`` are those of ``subprocess``, and what they start is a process like any other,
with a number, signals and an exit status of its own; only the imports are saved. Tests of a start
itself, of memory or of limits use ``subprocess``.
"""

import atexit
import ctypes
import fcntl
import gc
import importlib
import io
import os
import pkgutil
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.fork_client import NUMBER, STREAMS, encode, send

ROOT: Final = Path(__file__).parents[1]
GATEPOST: Final = str(Path(sys.executable).with_name("gatepost"))
_NOT_IMPORTED: Final = ("gatepost.__main__", "gatepost.testing.pytest_plugin")
_LATE: Final = (
    "aiosmtpd.smtp",
    "azure.communication.email",
    "azure.identity",
    "azure.mgmt.communication",
    "cryptography.hazmat.backends.openssl.backend",
    "email.generator",
    "encodings.ascii",
    "encodings.idna",
    "importlib.readers",
    "importlib.resources._adapters",
    "uvicorn.lifespan.off",
    "uvloop",
)
"""What our dependencies import when they first need it, and what programs of tests do."""
_FILES: Final = 250
"""How many descriptors a process may have open when it starts."""
_LARGE_PAGE: Final = 2 << 20
_COLLAPSE: Final = 25
"""MADV_COLLAPSE of madvise(2), since Linux 6.1."""
_STREAMS: Final = {"stdin": "strict", "stdout": "strict", "stderr": "backslashreplace"}
"""How each handles text that it cannot encode or decode."""


class Popen(subprocess.Popen[Any]):
    """A ``subprocess.Popen`` that forks what runs in Python, unless that needs a new Python."""

    server: str | bytes | None = None
    """Where the server listens, unless it is the one that all tests have."""
    connection: "socket.socket | None" = None
    """To the server, which sends how the process ended."""

    def _execute_child(self, args: Any, executable: Any, *more: Any) -> None:
        preexec_fn, _, pass_fds, cwd, env, _, _, _ = more[:8]
        pipes, has_session = more[8:14], more[19]
        words = [os.fspath(arg) for arg in args] if isinstance(args, (list, tuple)) else []
        environment = os.environ if env is None else env
        if executable or preexec_fn or not _is_python(words, environment):
            super()._execute_child(args, executable, *more)  # type: ignore[misc]
            return
        given = (pipes[0], pipes[3], pipes[5])
        streams = [number if fd == -1 else fd for number, fd in enumerate(given)]
        self.connection = connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.server or address())
        directory, passed = str(Path(cwd or ".").absolute()), sorted(pass_fds)
        request = encode(words, environment, directory, has_session, (*STREAMS, *passed))
        send(connection, request, (*streams, *passed))
        self.pid = _number(connection)
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _internal_poll(self, *args: Any, **more: Any) -> Any:
        if self.connection is None:
            return super()._internal_poll(*args, **more)  # type: ignore[misc]
        with suppress(subprocess.TimeoutExpired):
            self._wait(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> Any:
        if self.connection is None:
            return super()._wait(timeout)  # type: ignore[misc]
        expired = subprocess.TimeoutExpired(self.args, timeout or 0)
        lock = self._waitpid_lock  # type: ignore[attr-defined]
        if not lock.acquire(timeout=-1 if timeout is None else timeout):
            raise expired
        try:
            if self.returncode is None:
                if not select.select([self.connection], [], [], timeout)[0]:
                    raise expired
                self.returncode = os.waitstatus_to_exitcode(_number(self.connection))
                self.connection.close()
        finally:
            lock.release()
        return self.returncode


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    input: "str | bytes | None" = None,
    capture_output: bool = False,
    check: bool = False,
    timeout: float | None = None,
    **more: Any,
) -> "subprocess.CompletedProcess[Any]":
    """``subprocess.run``, with a process that is forked."""
    if input is not None:
        more["stdin"] = subprocess.PIPE
    if capture_output:
        more["stdout"] = more["stderr"] = subprocess.PIPE
    with Popen(command, **more) as process:
        try:
            stdout, stderr = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
    if check:
        done.check_returncode()
    return done


@cache
def address() -> str:
    """Return where the server of this process listens; start it, if need be."""
    directory, owner = tempfile.mkdtemp(prefix="gatepost-fork-"), os.getpid()
    path = str(Path(directory) / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(100)
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", str(listener.fileno())],
            cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[listener.fileno()],
        )  # fmt: skip

    def end() -> None:
        if os.getpid() == owner:  # forks use it, too
            assert server.stdin is not None
            server.stdin.close()
            server.wait()
            shutil.rmtree(directory)

    atexit.register(end)
    return path


@cache
def programs() -> Path:
    """Return a directory with a ``gatepost``, a ``pytest`` and a ``python3`` that start at once,
    for programs that start them. This ``python3`` has no options but ``-c`` and ``-m``."""
    directory = tempfile.TemporaryDirectory(prefix="gatepost-bin-")
    atexit.register(directory.cleanup)
    client = f"{sys.executable} -IS {ROOT / 'tests' / 'fork_client.py'} {address()}"
    python = sys.executable
    for name, program in (
        ("gatepost", GATEPOST), ("python3", python), ("pytest", f"{python} -m pytest"),
    ):  # fmt: skip
        path = Path(directory.name) / name
        path.write_text(f'#!/bin/sh\nexec {client} {program} "$@"\n')
        path.chmod(0o755)
    return Path(directory.name)


def _is_python(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether the server can run this: Python of this environment, with our settings."""
    if not words or not (words[0] == GATEPOST or _runs_code(words)):
        return False
    names = {name for name in {*os.environ, *environment} if name.startswith("PYTHON")}
    return all(environment.get(name) == os.environ.get(name) for name in names)


def _runs_code(words: Sequence[str]) -> bool:
    return words[0] == sys.executable and words[1:2] in (["-m"], ["-c"])


def _number(connection: socket.socket) -> int:
    octets = connection.recv(NUMBER.size, socket.MSG_WAITALL)
    assert octets, "the fork server ended"
    number: int = NUMBER.unpack(octets)[0]
    return number


class Server:
    """Forks for each connection, and reports the end of each process on its connection.

    It ends when ``lifeline`` does.
    """

    def __init__(self, listener: socket.socket, lifeline: int) -> None:
        self._listener = listener
        self._lifeline = lifeline
        self._connections: dict[int, socket.socket] = {}
        self._ends, self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> list[str] | None:
        """Serve to the end, and return None. In each new process return its command."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._wakeup)
        while True:
            sources = [self._lifeline, self._ends, self._listener.fileno()]
            ready, _, _ = select.select(sources, [], [])
            if self._ends in ready:
                os.read(self._ends, 1024)
                self._report_ends()
            if self._listener.fileno() in ready and (command := self._fork()):
                return command
            if self._lifeline in ready:
                return None

    def _report_ends(self) -> None:
        for pid in list(self._connections):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                with self._connections.pop(pid) as connection, suppress(OSError):
                    connection.sendall(NUMBER.pack(status))

    def _fork(self) -> list[str] | None:
        connection, _ = self._listener.accept()
        size, received, _, _ = socket.recv_fds(connection, NUMBER.size, _FILES)
        request = connection.recv(NUMBER.unpack(size)[0], socket.MSG_WAITALL)
        if pid := os.fork():
            for each in received:
                os.close(each)
            connection.sendall(NUMBER.pack(pid))
            self._connections[pid] = connection
            return None
        for other in (*self._connections.values(), connection, self._listener):
            other.close()
        return self._become(request, received)

    def _become(self, request: bytes, received: Sequence[int]) -> list[str]:
        """Make this process that of the request."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        numbers, has_session, cwd, count, *words = os.fsdecode(request).split("\0")
        _open_only(received, [int(number) for number in numbers.split()])
        if has_session:
            os.setsid()
        os.chdir(cwd)
        os.environ.clear()
        for name, _, value in (word.partition("=") for word in words[int(count) :]):
            os.environ[name] = value
        time.tzset()
        for number, (name, errors) in enumerate(_STREAMS.items()):
            stream = _text(number, name, errors)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        return words[: int(count)]


def _open_only(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    """Give the descriptors these numbers, and close all others."""
    above = max(_FILES, *numbers) + 1
    moved = [fcntl.fcntl(each, fcntl.F_DUPFD, above) for each in descriptors]
    os.closerange(0, above)
    for each, number in zip(moved, numbers, strict=True):
        os.dup2(each, number)
        os.close(each)


def _text(number: int, name: str, errors: str) -> io.TextIOWrapper:
    """Return a standard stream as Python opens it."""
    buffer: Any = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115
    buffer.raw.name = f"<{name}>"
    by_line = name == "stderr" or os.isatty(number)
    return io.TextIOWrapper(buffer, "utf-8", errors, line_buffering=by_line)


def run_as_python(command: list[str]) -> None:
    """Run ``gatepost ...``, or ``python`` with ``-m MODULE``, ``-c CODE`` or a file, in this
    process."""
    if command[0] != sys.executable:
        sys.argv, sys.path[0] = command, str(Path(sys.executable).parent)
        importlib.import_module("gatepost.cli.main").main()
    elif command[1] == "-m":
        sys.argv, sys.path[0] = [command[2], *command[3:]], str(Path.cwd())
        sys.modules.pop(command[2], None)
        runpy.run_module(command[2], run_name="__main__", alter_sys=True)
    elif command[1] != "-c":
        sys.argv, sys.path[0] = command[1:], str(Path(command[1]).absolute().parent)
        runpy.run_path(command[1], run_name="__main__")
    else:
        sys.argv, sys.path[0] = ["-c", *command[3:]], ""
        exec(compile(command[2], "<string>", "exec"), {"__name__": "__main__"})


def end_well(command: list[str]) -> int:
    """Run the command; return its exit status after what Python does at its end, except that the
    modules are not taken apart, which would take as long as a start."""
    status: Any = 0
    try:
        run_as_python(command)
    except SystemExit as end:
        status = end.code
    except BaseException:  # noqa: BLE001 - as Python itself
        sys.excepthook(*sys.exc_info())
        status = 1
    if status is not None and not isinstance(status, int):
        print(status, file=sys.stderr)
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError):  # it is closed
            stream.flush()
    return (status or 0) & 0xFF


def import_all() -> None:
    """Import what any command may need, and read what it keeps."""
    import gatepost
    from gatepost.console.templating import templates
    from gatepost.doctor.provider_profiles import known_profiles

    for module in pkgutil.walk_packages(gatepost.__path__, "gatepost."):
        if module.name not in _NOT_IMPORTED:
            importlib.import_module(module.name)
    for name in _LATE:
        with suppress(ImportError):
            importlib.import_module(name)
    for name in templates().list_templates():
        templates().get_template(name)
    known_profiles()


def use_large_pages() -> None:
    """Make the memory of this process that of 2 MiB pages, as far as Linux can: a fork copies the
    tables of all pages, and that takes a third of the time then."""
    madvise = getattr(ctypes.CDLL(None), "madvise", None)
    maps = Path("/proc/self/maps")
    if madvise is None or not maps.exists():
        return
    for line in maps.read_text().splitlines():
        addresses, access, _, _, file, *name = line.split()
        first, end = (int(each, 16) for each in addresses.split("-"))
        first = -(-first // _LARGE_PAGE) * _LARGE_PAGE
        size = (end - first) // _LARGE_PAGE * _LARGE_PAGE
        if access == "rw-p" and file == "0" and name in ([], ["[heap]"]) and size > 0:
            madvise(ctypes.c_void_p(first), ctypes.c_size_t(size), _COLLAPSE)


if __name__ == "__main__":
    from gatepost.testing import Emulator, EmulatorServer
    from tests import forked_fronts, quick_hashes, quick_reserves

    import_all()
    quick_hashes.use()
    quick_reserves.use()
    listener = socket.socket(fileno=int(sys.argv[1]))
    Popen.server = listener.getsockname()
    Emulator._start_process = EmulatorServer._start_process = Popen
    gc.collect()
    gc.freeze()
    use_large_pages()
    command = Server(listener, lifeline=0).serve()
    if command is not None and forked_fronts.has_fronts(command):
        command = forked_fronts.serve(command)
    if command is not None:
        os._exit(end_well(command))
