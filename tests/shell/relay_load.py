"""A relay in its own process group, busy senders, and a kill in the middle."""

import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests import fork_server

GATEPOST = str(Path(sys.executable).with_name("gatepost"))
OPTIONS = ("--profile", "open", "--smtp", "127.0.0.1:0")
OFF = ("--smtps", "off", "--https", "off", "--http", "off")
SENDERS = 4
SIZES = (200, 3_000, 40_000)
PATIENCE = 60.0


def content_of(name: str, number: int) -> bytes:
    """Return a message whose content can be derived from its Message-ID."""
    lines = f"{name} {number}\r\n" * (SIZES[number % len(SIZES)] // 20 + 1)
    return f"Message-ID: <{name}.{number}@example.org>\r\n\r\n{lines}".encode()


class RelayUnderLoad:
    """Each turn: start, load, SIGKILL to the group. ``acknowledged`` are the messages that got a
    250."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.acknowledged: dict[str, bytes] = {}
        self._options = options
        self._turn = 0
        self._first = threading.Event()

    def turn(self, after: float) -> None:
        """Kill the group ``after`` seconds from the first 250."""
        self._turn += 1
        self._first.clear()
        ready = self.data / "ready.json"
        ready.unlink(missing_ok=True)
        command = [GATEPOST, "up", "--data", str(self.data), *OPTIONS, *OFF, *self._options]
        with fork_server.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as relay:
            try:
                senders = self._start_senders(self._port(ready))
                assert self._first.wait(PATIENCE), "nothing was accepted"
                time.sleep(after)
            finally:
                os.killpg(relay.pid, signal.SIGKILL)
        for sender in senders:
            sender.join(PATIENCE)

    def _port(self, ready: Path) -> int:
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            assert time.monotonic() < deadline, "the relay did not come up"
            time.sleep(0.01)
        port: int = json.loads(ready.read_text())["smtp"]["port"]
        return port

    def _start_senders(self, port: int) -> list[threading.Thread]:
        names = [f"{self._turn}-{number}" for number in range(SENDERS)]
        senders = [threading.Thread(target=self._send, args=(port, name)) for name in names]
        for sender in senders:
            sender.start()
        return senders

    def _send(self, port: int, name: str) -> None:
        with suppress(OSError, smtplib.SMTPException):  # the relay is gone
            client = smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE)
            for number in range(1_000_000):
                content = content_of(name, number)
                client.sendmail("alice@example.org", ["bob@example.net"], content)
                self.acknowledged[f"<{name}.{number}@example.org>"] = content
                self._first.set()
