"""``gatepost up`` for a test: another process with free ports and a directory of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from gatepost.testing.local_relay import OUTPUT, EmulatorError, LocalRelay

START: Final = 30.0
"""Seconds for the relay to start; it creates keys and certificates first."""
STOP: Final = 15.0
"""Seconds for it to stop; it needs at most 10."""
_LISTENERS: Final = ("--smtp", "127.0.0.1:0", "--smtps", "127.0.0.1:0", "--console", "127.0.0.1:0")
_MAIN: Final = "from gatepost.cli.main import main; main()"


class Emulator(LocalRelay):
    """A relay with a process of its own. Its directory goes with it, unless it was given.

    >>> with Emulator() as relay:                       # doctest: +SKIP
    ...     my_mailer(relay.smtp.host, relay.smtp.port, relay.username, relay.password,
    ...               sender=relay.sender, ca_file=relay.ca_file)
    ...     message = relay.wait(to="ann@example.net")
    ...     assert message.subject == "Welcome"
    """

    _start_process: ClassVar[type["subprocess.Popen[Any]"]] = subprocess.Popen

    def __init__(
        self,
        profile: str = "acs",
        *,
        strict: bool = False,
        workers: int = 0,
        data: Path | None = None,
        settings: Mapping[str, object] | None = None,
        options: tuple[str, ...] = ("--https", "off", "--http", "off"),
    ) -> None:
        """Start it and return once every listener accepts.

        ``profile`` may be a file that ends in .toml. ``data`` keeps mail and credentials over
        restarts; ``settings`` change single values of the profile, such as
        ``{"strict.custom_per_minute": 3}``; ``options`` are passed to ``gatepost up`` unchanged.
        Raises EmulatorError with the relay's output if it does not start.
        """
        self._owned = data is None
        self.data = data or Path(tempfile.mkdtemp(prefix="gatepost-"))
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._output = self.data / OUTPUT
        self._output.touch(mode=0o600)
        arguments = ["up", "--json", "--data", str(self.data), "--profile", profile, *_LISTENERS]
        for each in assignments(settings or {}):
            arguments += ["--set", each]
        arguments += ["--workers", str(workers), *options, *(["--strict"] if strict else [])]
        self._seen = self._output.stat().st_size
        with self._output.open("ab") as output:
            self._process = self._start_process(
                [sys.executable, "-c", _MAIN, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._finalizer = weakref.finalize(self, end_process, self._process)
        self.ready = self._wait_ready()

    def _wait_ready(self) -> dict[str, Any]:
        path, deadline = self.data / "ready.json", time.monotonic() + START
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(FileNotFoundError):
                document: dict[str, Any] = json.loads(path.read_text("utf-8"))
                if document["pid"] == self._process.pid:  # not what a killed relay left behind
                    return document
            time.sleep(0.02)
        end_process(self._process)
        output_end = self._output.read_text("utf-8", "replace")[self._seen :]
        self._forget()
        raise EmulatorError(f"the relay did not come up:\n{output_end}")

    def stop(self) -> None:
        """Stop it as an init system would, and delete its directory; a second call does nothing.

        Raises EmulatorError if it does not end properly.
        """
        if not self._finalizer.alive:
            return
        self._process.terminate()
        try:
            status = self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            status = None
        self._finalizer()
        output_end = self._output.read_text("utf-8", "replace")[-4_000:]
        self._forget()
        if status != 0 and os.name == "posix":
            how = "in time" if status is None else f"well, but with status {status}"
            raise EmulatorError(f"the relay did not stop {how}:\n{output_end}")

    def kill(self) -> None:
        """Kill it like a power cut; ``data`` stays unchanged, if it was given."""
        self._finalizer()
        self._forget()

    def _forget(self) -> None:
        if self._owned:
            shutil.rmtree(self.data, ignore_errors=True)


def assignments(settings: Mapping[str, object]) -> Iterator[str]:
    """Yield ``KEY=VALUE`` for each setting, as ``--set`` takes it: strings as they are, everything
    else as TOML."""
    for key, value in settings.items():
        is_text = value is None or isinstance(value, str)
        # JSON is TOML for numbers, truth values and lists of texts, too.
        yield f"{key}={(value or 'none') if is_text else json.dumps(value)}"


def end_process(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process that still runs, and wait for its end."""
    if process.poll() is None:
        process.kill()
    process.wait()
