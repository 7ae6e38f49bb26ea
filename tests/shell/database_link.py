"""A network between a relay and its database, which a test may cut.

The database gets an address in a network namespace of its own, which a cable of two virtual
interfaces connects with ours: cut, it loses every packet, and both sides keep their connections.
Where nobody may make namespaces, a forwarder on loopback that is stopped does nearly the same.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

PORT: Final = 5432
_NETWORKS: Final = 1 << 15
"""So many networks of four addresses are in 198.18.0.0/15, which is for tests (RFC 2544)."""


class Link(Protocol):
    """The way of one relay to its database."""

    url: str

    def cut(self) -> None:
        """Lose everything that is sent from now on."""

    def mend(self) -> None:
        """Lose nothing more."""


class _Cable:
    """Between our namespace and that of the forwarder with a number."""

    def __init__(self, pid: int) -> None:
        name, first = f"gp{pid}", 4 * (pid % _NETWORKS)
        ours, theirs = (
            f"198.{18 + (each >> 16)}.{each >> 8 & 255}.{each & 255}"
            for each in (first + 1, first + 2)
        )
        self.url = f"host={theirs} port={PORT} user=postgres dbname=postgres"
        self._there = there = ("nsenter", "--target", str(pid), "--net", "ip")
        for command in (
            ("ip", "link", "add", name, "type", "veth", "peer", "db0", "netns", str(pid)),
            ("ip", "address", "add", f"{ours}/30", "dev", name),
            (*there, "address", "add", f"{theirs}/30", "dev", "db0"),
            (*there, "link", "set", "db0", "up"),
            ("ip", "link", "set", name, "up"),
        ):
            _run(*command)

    def cut(self) -> None:
        _run(*self._there, "link", "set", "db0", "down")  # of our end, we would notice it

    def mend(self) -> None:
        _run(*self._there, "link", "set", "db0", "up")


class _Forwarder:
    """One on loopback, which is stopped."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self._process = process
        self.url = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"

    def cut(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def mend(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def database_link(directory: Path) -> Iterator[Link]:
    """Yield a way to the server with its Unix socket in a directory."""
    isolated = may_isolate()
    before = ["unshare", "--net"] if isolated else []
    command = [*before, sys.executable, __file__, str(directory), str(PORT if isolated else 0)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            yield _Cable(process.pid) if isolated else _Forwarder(process, port)
        finally:
            process.kill()  # the namespace goes with it, and the cable with the namespace


def may_isolate() -> bool:
    """Tell whether namespaces can be made here, and connected."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return False
    command = ["unshare", "--net", "ip", "link", "add", "gp0", "type", "veth", "peer", "gp1"]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def forward(directory: str, port: int) -> None:
    """Pass connections on to a Unix socket, and print the port."""
    with socket.create_server(("0.0.0.0" if port else "127.0.0.1", port), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(f"{directory}/.s.PGSQL.5432")
            except OSError:
                client.close()
                continue
            for each in ((client, server), (server, client)):
                threading.Thread(target=_pass_on, args=each, daemon=True).start()


def _pass_on(source: socket.socket, goal: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 18):
            goal.sendall(data)
    for each in (source, goal):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    forward(sys.argv[1], int(sys.argv[2]))
