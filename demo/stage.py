"""Running the real programs, and showing what they say within 80 columns."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WIDTH: Final = 80
START_TIMEOUT: Final = 15.0


def heading(number: int, text: str) -> None:
    """Begin an act."""
    print(f"\n\033[1m{number}. {text}\033[0m" if sys.stdout.isatty() else f"\n{number}. {text}")


def show(text: str, indent: str = "   ") -> None:
    """Print lines of a program, folded so that nothing runs over the edge."""
    for line in text.splitlines():
        room = WIDTH - len(indent)
        print("\n".join(indent + part for part in textwrap.wrap(
            line, room, subsequent_indent="  ", replace_whitespace=False, drop_whitespace=False,
        ) or [""]))  # fmt: skip
    sys.stdout.flush()


def gatepost(*arguments: str, expect: int = 0) -> bytes:
    """Run the command line, shown as one would type it; return what it printed."""
    show("$ gatepost " + " ".join(arguments))
    done = subprocess.run(
        [sys.executable, "-m", "gatepost.cli.main", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=30,
    )  # fmt: skip
    if done.returncode != expect:
        show(done.stdout.decode(errors="replace"))
        raise SystemExit(f"gatepost {arguments[0]} exited {done.returncode}, not {expect}")
    return done.stdout


@dataclass(slots=True)
class Relay:
    """``gatepost up`` in a process group of its own."""

    data: Path
    process: subprocess.Popen[bytes]
    ready: dict[str, Any]

    @classmethod
    def start(cls, data: Path) -> "Relay":
        """Start it on free ports and wait until it accepts."""
        log = (data.parent / "relay.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "gatepost.cli.main", "up", "--data", str(data),
             "--smtp", "127.0.0.1:0", "--smtps", "off", "--https", "off", "--http", "off"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and process.poll() is None:
            try:
                ready = json.loads((data / "ready.json").read_text())
            except FileNotFoundError:
                time.sleep(0.02)
                continue
            if ready["pid"] == process.pid:
                return cls(data, process, ready)
        raise SystemExit(f"the relay did not start:\n{(data.parent / 'relay.log').read_text()}")

    @property
    def address(self) -> str:
        """HOST:PORT of the STARTTLS listener."""
        return f"{self.ready['smtp']['host']}:{self.ready['smtp']['port']}"

    def kill(self) -> None:
        """SIGKILL the whole group: no farewell, no flush."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask it to stop."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=15)
