"""`gatepost up` as a user runs it: another process, on free ports, with its own directory."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

GATEPOST = str(Path(sys.executable).with_name("gatepost"))
RECIPIENT = "recipient@example.net"
PATIENCE = 30.0
LISTENERS = ("--smtp", "127.0.0.1:0", "--smtps", "127.0.0.1:0", "--https", "off", "--http", "off")


@dataclass(frozen=True, slots=True)
class Relay:
    """A running relay; `ready` is its ``ready.json``."""

    data: Path
    process: subprocess.Popen[bytes]
    ready: dict[str, Any]

    @classmethod
    def start(cls, data: Path, *options: str) -> Self:
        """Run ``gatepost up --data data`` and return once every listener accepts.

        Raises RuntimeError with the relay's own output when it ends or stays silent instead.
        """
        data.mkdir(parents=True, exist_ok=True)
        log = data.with_name(data.name + ".log")
        with log.open("ab") as output:
            process = subprocess.Popen(
                [GATEPOST, "up", "--data", data, *LISTENERS, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        ready = data / "ready.json"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            if ready.exists():
                document = json.loads(ready.read_text())
                if document["pid"] == process.pid:  # not one that a killed relay left behind
                    return cls(data, process, document)
            time.sleep(0.02)
        process.kill()
        process.wait()
        raise RuntimeError(f"the relay did not come up:\n{log.read_text(errors='replace')}")

    def stop(self) -> int:
        """Ask it to stop, as an init system would; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    @property
    def port(self) -> int:
        port: int = self.ready["smtp"]["port"]
        return port

    @property
    def tls_port(self) -> int:
        port: int = self.ready["smtps"]["port"]
        return port

    @property
    def ca_file(self) -> str:
        return str(self.ready["ca_file"])

    @property
    def username(self) -> str:
        return str(self.ready["username"])

    @property
    def password(self) -> str:
        return str(self.ready["password"])

    @property
    def sender(self) -> str:
        return str(self.ready["from"])

    def messages(self, *arguments: str) -> bytes:
        """What ``gatepost messages ARGUMENTS`` prints."""
        command = [GATEPOST, "messages", *arguments, "--data", str(self.data)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=PATIENCE).stdout

    def count(self) -> int:
        return int(self.messages("count"))

    def last(self) -> bytes:
        """The newest message: the client's bytes alone."""
        return self.messages("show", "last", "--raw", "--no-trace")

    def last_envelope(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.messages("show", "last", "--json"))
        return document


@contextmanager
def running_relay(data: Path, *options: str) -> Iterator[Relay]:
    """A relay for the length of a ``with``, which must then stop cleanly."""
    relay = Relay.start(data, *options)
    try:
        yield relay
    except BaseException:
        relay.process.kill()
        relay.process.wait()
        raise
    status = relay.stop()
    assert status == os.EX_OK, status
    assert not (data / "ready.json").exists()
