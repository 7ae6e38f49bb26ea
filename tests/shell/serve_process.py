"""``gatepost serve`` in a process of its own, by a configuration that a test writes."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.certificates import Authority, make_authority
from tests.shell.peer import Peer

PATIENCE = 30.0
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
    """A relay that serves."""

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
        """A client that has read nothing yet."""
        place = self.listener(name)
        if "unix" not in place:
            return Peer.connect(place["port"], self.authority.ca_file)
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(place["unix"])
        return Peer(sock, ssl.create_default_context(cafile=self.authority.ca_file))

    def greeted(self, name: str, before: bytes = b"") -> Peer:
        """A client that said EHLO; ``before`` is what a proxy says in front."""
        peer = self.peer(name)
        peer.send(before)
        return peer.greet("220 relay.example")

    def secured(self, name: str, before: bytes = b"") -> Peer:
        """A client that did STARTTLS and said EHLO again."""
        return self.greeted(name, before).secure()

    def signed_in(self, name: str, before: bytes = b"") -> Peer:
        """A client that may send."""
        peer = self.secured(name, before)
        assert peer.login("app", "secret").startswith("235 ")
        return peer

    def events(self, event: str) -> list[dict[str, Any]]:
        """What was reported under this name so far."""
        written, _, _ = (self.directory / "log").read_text().rpartition("\n")  # whole lines
        lines = written.splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [each for each in found if each["event"] == event]

    def wait_event(self, event: str, number: int = 1, **facts: Any) -> dict[str, Any]:
        """The last of ``number`` reports under this name with these facts."""

        def found() -> list[dict[str, Any]]:
            return [each for each in self.events(event) if facts.items() <= each.items()]

        wait_for(lambda: len(found()) >= number)
        return found()[-1]

    def reload(self, text: str | None = None) -> None:
        """Write another configuration, and say SIGHUP; not awaited."""
        if text is not None:
            self.config.write_text(self.base + text)
        self.process.send_signal(signal.SIGHUP)

    def reloaded(self, text: str | None = None) -> None:
        """Reload, and wait until it is done."""
        number = len(self.events("reloaded")) + 1
        self.reload(text)
        self.wait_event("reloaded", number)

    def ask(self, *arguments: str) -> Any:
        """What ``gatepost ARGUMENTS --json --config FILE`` says."""
        done = subprocess.run(
            [sys.executable, "-m", "gatepost.cli.main", *arguments, "--json",
             "--config", str(self.config)],
            cwd=self.directory, stdout=subprocess.PIPE, check=False, timeout=PATIENCE,
        )  # fmt: skip
        return json.loads(done.stdout)

    def raw(self) -> bytes:
        """The newest captured message as it is stored."""
        return subprocess.run(
            [sys.executable, "-m", "gatepost.cli.main", "messages", "show", "last", "--raw",
             "--data", str(self.data)],
            stdout=subprocess.PIPE, check=True, timeout=PATIENCE,
        ).stdout  # fmt: skip

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


def wait_for(condition: Any) -> Any:
    """The first result that is true."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@contextmanager
def relaying(
    directory: Path, text: str, *arguments: str, base: str = BASE
) -> Iterator[ServeProcess]:
    """A relay that serves while the ``with`` lasts. ``cert.pem`` and ``key.pem`` are there."""
    authority = make_authority(directory)
    put_certificate(directory, authority)
    (directory / "gatepost.toml").write_text(base + text)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gatepost.cli.main", "serve", "--json",
             "--config", "gatepost.toml", *arguments],
            cwd=directory, stdout=log, stderr=log,
            env={**os.environ, "APP_PASSWORD": "secret"},
        )  # fmt: skip
    relay = ServeProcess(directory, process, authority, base)
    try:
        ready = relay.data / "ready.json"
        wait_for(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None, (directory / "log").read_text()
        yield relay
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)


def put_certificate(directory: Path, authority: Authority) -> bytes:
    """Write a new certificate and its key, each in one step; return the certificate in DER."""
    pair = authority.issue("localhost", "127.0.0.1")
    Path(pair.key).replace(directory / "key.pem")
    Path(pair.certificate).replace(directory / "cert.pem")
    return ssl.PEM_cert_to_DER_cert((directory / "cert.pem").read_text())
