"""Many local relays in one process, so that each test can have its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from gatepost.errors import ConfigError
from gatepost.testing.emulator import START, STOP, assignments, end_process
from gatepost.testing.local_relay import EmulatorError, LocalRelay

_MAIN: Final = "import sys; from gatepost.testing.served_relays import main; main(sys.argv[1])"


class EmulatorServer:
    """A process for many relays, each as independent as an ``Emulator``, but started much faster.

    They share only the authority that signed their certificates.

    >>> with EmulatorServer() as server, server.open("gmail", strict=True) as relay:
    ...     relay.count()                               # doctest: +SKIP
    0
    """

    _start_process: ClassVar[type["subprocess.Popen[bytes]"]] = subprocess.Popen

    def __init__(self) -> None:
        """The process starts with the first relay."""
        self._process: _Process | None = None
        self._turn = threading.Lock()

    @property
    def is_running(self) -> bool:
        """Whether its process has started, and has not ended."""
        return self._process is not None and self._process.is_running

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables with which libraries trust the certificates of its relays:
        SSL_CERT_FILE and others. Starts the process."""
        with self._turn:
            return self._running().variables

    def open(
        self,
        profile: str = "acs",
        *,
        strict: bool = False,
        settings: Mapping[str, object] | None = None,
    ) -> LocalRelay:
        """Return a new relay that accepts mail. The arguments are those of ``Emulator``.

        Raises ConfigError if they are wrong, and EmulatorError if the relay does not start.
        """
        if profile.endswith(".toml"):
            profile = str(Path(profile).absolute())
        arguments = {
            "profile": profile, "strict": strict, "settings": list(assignments(settings or {})),
        }  # fmt: skip
        with self._turn:
            process = self._running()
            response = process.ask({"open": arguments})
        if "mistake" in response:
            raise ConfigError(response["mistake"])
        if "ready" not in response:
            raise EmulatorError(f"the relay did not come up: {response['failure']}")
        return _ServedRelay(process, self._turn, response["ready"])

    def _running(self) -> "_Process":
        """Return the process, and start one if there is none, or if it was killed."""
        if self._process is not None and not self._process.is_running:
            self._process.clean_up()
            self._process = None
        if self._process is None:
            self._process = _Process(self._start_process)
        return self._process

    def stop(self) -> None:
        """Stop all relays and the process; a second call does nothing.

        Raises EmulatorError if it does not end properly.
        """
        with self._turn:
            process, self._process = self._process, None
            if process is not None:
                process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _ServedRelay(LocalRelay):
    def __init__(self, process: "_Process", turn: threading.Lock, ready: dict[str, Any]) -> None:
        self._process, self._turn = process, turn
        self.ready, self.data = ready, Path(ready["data"])

    def stop(self) -> None:
        self._close(wait=True)

    def kill(self) -> None:
        self._close(wait=False)

    def _close(self, *, wait: bool) -> None:
        with self._turn:
            if self._process.is_running:
                with suppress(EmulatorError):  # it has ended, and its relays with it
                    self._process.ask({"close": str(self.data), "wait": wait})


class _Process:
    """The process, and its temporary directory."""

    def __init__(self, start: type["subprocess.Popen[bytes]"]) -> None:
        self._base = Path(tempfile.mkdtemp(prefix="gatepost-"))
        self._output = self._base / "output"
        with self._output.open("wb") as output:
            self._process = start(
                [sys.executable, "-c", _MAIN, str(self._base)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
            )
        self.clean_up = weakref.finalize(self, _clean_up, self._process, self._base, os.getpid())
        self.variables: dict[str, str] = self._read()["variables"]

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the response. Raises EmulatorError if there is none."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        with ThreadPoolExecutor(1) as thread:
            reading = thread.submit(self._process.stdout.readline)
            try:
                line = reading.result(START)
            except TimeoutError:
                self._process.kill()  # which ends the line, too
                line = b""
        if not line:
            output = self._output_end()
            self.clean_up()
            raise EmulatorError(f"the server of the relays has ended:\n{output}")
        document: dict[str, Any] = json.loads(line)
        return document

    def stop(self) -> None:
        """See ``EmulatorServer.stop``."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.write(b'{"stop": true}\n')
            self._process.stdin.close()
        try:
            status = self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            status = None
        output = self._output_end()
        self.clean_up()
        if status != 0:
            how = "in time" if status is None else f"well, but with status {status}"
            raise EmulatorError(f"the server of the relays did not stop {how}:\n{output}")

    def _output_end(self) -> str:
        return self._output.read_text("utf-8", "replace")[-4_000:]


def _clean_up(process: "subprocess.Popen[bytes]", base: Path, owner: int) -> None:
    if os.getpid() != owner:  # a test has forked, and its child ends
        return
    end_process(process)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    shutil.rmtree(base, ignore_errors=True)
