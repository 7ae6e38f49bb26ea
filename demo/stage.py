"""Runs the real programs, and shows their output within 80 columns."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WIDTH: Final = 80
INDENT: Final = "   "
PATIENCE: Final = 60.0


def heading(number: int, text: str) -> None:
    """Begin a part."""
    print(f"\n\033[1m{number}. {text}\033[0m" if sys.stdout.isatty() else f"\n{number}. {text}")


def show(text: str, indent: str = INDENT) -> None:
    """Print lines of a program, folded to the width."""
    for line in text.splitlines():
        room = WIDTH - len(indent)
        print("\n".join(indent + part for part in textwrap.wrap(
            line, room, subsequent_indent="  ", replace_whitespace=False, drop_whitespace=False,
        ) or [""]))  # fmt: skip
    sys.stdout.flush()


def gatepost(*arguments: str, expect: int = 0) -> bytes:
    """Run the command line, shown as one would type it; return its output."""
    show("$ gatepost " + " ".join(arguments))
    done = subprocess.run(
        [sys.executable, "-m", "gatepost.cli.main", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
        env={**os.environ, "COLUMNS": str(WIDTH - len(INDENT))},
    )  # fmt: skip
    if done.returncode != expect:
        show(done.stdout.decode(errors="replace"))
        raise SystemExit(f"gatepost {arguments[0]} exited {done.returncode}, not {expect}")
    return done.stdout


def ask(*arguments: str) -> Any:
    """Run a command with ``--json`` without showing it."""
    done = subprocess.run(
        [sys.executable, "-m", "gatepost.cli.main", *arguments],
        stdout=subprocess.PIPE, check=True, timeout=120,
    )  # fmt: skip
    return json.loads(done.stdout)


def wait_for(condition: Callable[[], object], otherwise: str) -> None:
    """Return once the condition is true; give up with a word about what did not happen."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.02)


def write_secret(path: Path, secret: str | bytes) -> str:
    """Write a file that only we can read; return its path."""
    path.touch(mode=0o600)
    path.write_bytes(secret.encode() if isinstance(secret, str) else secret)
    return str(path)


def _await(process: "subprocess.Popen[bytes]", data: Path, log: Path) -> dict[str, Any]:
    """Wait until a process accepts; return its ready.json."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            ready: dict[str, Any] = json.loads((data / "ready.json").read_text())
        except FileNotFoundError:
            time.sleep(0.02)
            continue
        if ready["pid"] == process.pid:
            return ready
    raise SystemExit(f"the relay did not start:\n{log.read_text()}")


def _find(text: str, words: str) -> str:
    found = [line for line in text.splitlines() if words in line]
    return found[0].partition(" ")[2] if found else ""


@dataclass(slots=True)
class _Server:
    """A server in its own process group."""

    process: subprocess.Popen[bytes]
    ready: dict[str, Any]

    def kill(self) -> None:
        """Send SIGKILL to the whole group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Send SIGTERM, and wait."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)


@dataclass(slots=True)
class Relay(_Server):
    """``gatepost up``."""

    data: Path

    @classmethod
    def start(cls, data: Path, port: int = 0) -> "Relay":
        """Start it, on a free port unless it is given, and wait until it accepts."""
        process = cls._begin(data, "--https", "off", port=port)
        return cls(process, _await(process, data, data.parent / "relay.log"), data)

    @classmethod
    def start_both(cls, *relays: tuple[Path, *tuple[str, ...]]) -> "list[Relay]":
        """Start several at the same time: each has a directory, and options."""
        begun = [(data, cls._begin(data, *options)) for data, *options in relays]
        log = relays[0][0].parent / "relay.log"
        return [cls(process, _await(process, data, log), data) for data, process in begun]

    @staticmethod
    def _begin(data: Path, *options: str, port: int = 0) -> "subprocess.Popen[bytes]":
        with (data.parent / "relay.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "gatepost.cli.main", "up", "--data", str(data),
                 "--smtp", f"127.0.0.1:{port}", "--smtps", "off", "--http", "off", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def address(self) -> str:
        """HOST:PORT of the STARTTLS listener."""
        return f"{self.ready['smtp']['host']}:{self.ready['smtp']['port']}"

    @property
    def log_size(self) -> int:
        """The octets of its log so far."""
        return (self.data.parent / "relay.log").stat().st_size

    def said(self, words: str, after: int) -> str:
        """Return the first line of its log with these words, after so many octets; empty if
        there is none."""
        octets = (self.data.parent / "relay.log").read_bytes()
        return _find(octets[after:].decode(), words)


@dataclass(slots=True)
class Bridge(_Server):
    """``gatepost serve``."""

    config: Path

    @classmethod
    def start(cls, config: Path) -> "Bridge":
        """Start it in the directory of its configuration, and wait until it accepts."""
        directory = config.parent
        with (directory / "bridge.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gatepost.cli.main", "serve", "--config", config.name],
                cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        ready = _await(process, directory / "relay", directory / "bridge.log")
        return cls(process, ready, config)

    @property
    def listener(self) -> dict[str, Any]:
        """Its first listener."""
        first: dict[str, Any] = self.ready["listeners"][0]
        return first

    @property
    def address(self) -> str:
        """HOST:PORT of its listener."""
        return f"{self.listener['host']}:{self.listener['port']}"

    def line(self, words: str) -> str:
        """Return the first line of its log with these words, without the time; empty if there is
        none."""
        return _find((self.config.parent / "bridge.log").read_text(), words)
