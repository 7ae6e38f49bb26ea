"""``gatepost serve`` in its own process, with a configuration that the test writes."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatepost.cli.call_relay import call_queue
from tests import fork_server
from tests.certificates import Authority, make_authority
from tests.shell.peer import Peer

PATIENCE = 60.0
SENDER = "app@example.com"
RECIPIENT = "bob@example.net"

BASE = """
hostname = "relay.example"
[storage]
directory = "data"
free_space = 0
[[directory.account]]
name = "app"
password = { environment = "APP_PASSWORD" }
senders = ["example.com"]
[target.keep]
kind = "capture"
[[route]]
recipients = ["example.net"]
to = "keep"
"""


@dataclass
class ServeProcess:
    """A running relay."""

    directory: Path
    process: "subprocess.Popen[bytes]"
    authority: Authority
    base: str = BASE

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def config(self) -> Path:
        return self.directory / "gatepost.toml"

    @property
    def ready(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.data / "ready.json").read_text())
        return document

    def listener(self, name: str) -> dict[str, Any]:
        return next(each for each in self.ready["listeners"] if each["name"] == name)

    def peer(self, name: str) -> Peer:
        """Return a client that has read nothing yet."""
        place = self.listener(name)
        if "unix" not in place:
            return Peer.connect(place["port"], self.authority.ca_file)
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(place["unix"])
        return Peer(sock, ssl.create_default_context(cafile=self.authority.ca_file))

    def greeted(self, name: str, before: bytes = b"") -> Peer:
        """Return a client that has sent EHLO; ``before`` is the header of a proxy."""
        peer = self.peer(name)
        peer.send(before)
        return peer.greet("220 relay.example")

    def secured(self, name: str, before: bytes = b"") -> Peer:
        """Return a client that has sent STARTTLS and EHLO again."""
        return self.greeted(name, before).secure()

    def signed_in(self, name: str, before: bytes = b"") -> Peer:
        """Return a client that has signed in."""
        peer = self.secured(name, before)
        assert peer.login("app", "secret").startswith("235 ")
        return peer

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return the reports with this name so far."""
        written, _, _ = (self.directory / "log").read_text().rpartition("\n")  # complete lines only
        lines = written.splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [each for each in found if each["event"] == event]

    def wait_event(self, event: str, number: int = 1, **facts: Any) -> dict[str, Any]:
        """Wait until there are ``number`` reports with this name and these facts; return the
        last one."""

        def found() -> list[dict[str, Any]]:
            return [each for each in self.events(event) if facts.items() <= each.items()]

        wait_for(lambda: len(found()) >= number)
        return found()[-1]

    def reload(self, text: str | None = None) -> None:
        """Write another configuration, if given, and send SIGHUP; do not wait."""
        if text is not None:
            self.config.write_text(self.base + text)
        self.process.send_signal(signal.SIGHUP)

    def reloaded(self, text: str | None = None) -> None:
        """Reload, and wait until that is done."""
        number = len(self.events("reloaded")) + 1
        self.reload(text)
        self.wait_event("reloaded", number)

    def ask(self, *arguments: str) -> Any:
        """Return the output of ``gatepost ARGUMENTS --json --config FILE``."""
        done = fork_server.run(
            [sys.executable, "-m", "gatepost.cli.main", *arguments, "--json",
             "--config", str(self.config)],
            cwd=self.directory, stdout=subprocess.PIPE, check=False, timeout=PATIENCE,
        )  # fmt: skip
        return json.loads(done.stdout)

    def look_up(self, operation: str, id_: str) -> list[dict[str, Any]]:
        """Return the deliveries that ``gatepost queue OPERATION ID`` shows, without a process."""
        return list(call_queue(self.data, operation, {"id": id_})["deliveries"])

    def raw(self) -> bytes:
        """Return the newest captured message as it is stored."""
        shown: bytes = fork_server.run(
            [sys.executable, "-m", "gatepost.cli.main", "messages", "show", "last", "--raw",
             "--data", str(self.data)],
            stdout=subprocess.PIPE, check=True, timeout=PATIENCE,
        ).stdout  # fmt: skip
        return shown

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


def wait_for(condition: Any) -> Any:
    """Wait for the first true result of ``condition``, and return it.

    The longer that takes, the rarer it is asked, because many conditions ask a server.
    """
    began = time.monotonic()
    while (waited := time.monotonic() - began) < PATIENCE:
        if found := condition():
            return found
        time.sleep(min(max(0.01, waited / 8), 0.25))
    raise AssertionError("it did not happen in time")


@contextmanager
def relaying(
    directory: Path, text: str, *arguments: str, base: str = BASE, program: str = ""
) -> Iterator[ServeProcess]:
    """Run a relay during the ``with``. ``cert.pem`` and ``key.pem`` exist. ``program`` is a file
    with another program than ours."""
    authority = make_authority(directory)
    put_certificate(directory, authority)
    (directory / "gatepost.toml").write_text(base + text)
    with (directory / "log").open("wb") as log:
        process = fork_server.Popen(
            [sys.executable, *([program] if program else ["-m", "gatepost.cli.main"]),
             "serve", "--json", "--config", "gatepost.toml", *arguments],
            cwd=directory, stdout=log, stderr=log,
            env={**os.environ, "APP_PASSWORD": "secret"},
        )  # fmt: skip
    relay = ServeProcess(directory, process, authority, base)
    try:
        wait_for(lambda: _is_ready(relay) or process.poll() is not None)
        assert process.poll() is None, (directory / "log").read_text()
        yield relay
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)


def _is_ready(relay: ServeProcess) -> bool:
    """Tell whether it accepts: the file of a relay that was killed stays until the next one has
    begun."""
    with suppress(FileNotFoundError):
        return bool(relay.ready["pid"] == relay.process.pid)
    return False


def put_certificate(directory: Path, authority: Authority) -> bytes:
    """Write a new certificate and its key, each atomically; return the certificate in DER."""
    pair = authority.issue("localhost", "127.0.0.1")
    Path(pair.key).replace(directory / "key.pem")
    Path(pair.certificate).replace(directory / "cert.pem")
    return ssl.PEM_cert_to_DER_cert((directory / "cert.pem").read_text())
