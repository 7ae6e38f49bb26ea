"""A proxy before a PostgreSQL server that cuts connections when a COMMIT passes."""

import random
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count, cycle
from pathlib import Path
from typing import Literal

Cut = Literal["before", "after", "late", "half-open"]
"""The COMMIT does not arrive; it does, and its answer is lost; it arrives after the client has
noticed the cut; the server never notices the cut, and the transaction stays open."""
_COMMIT = b"COMMIT\0"
CUTS: tuple[Cut, ...] = ("before", "after", "late", "half-open")


class CutProxy:
    """Listens on loopback, and passes connections on to the Unix socket in a directory."""

    def __init__(self, directory: Path, every: int = 5, kinds: Sequence[Cut] = CUTS) -> None:
        """While ``is_cutting``, cuts at each so many-th COMMIT, in these ways in turn; connections
        are refused while ``is_refusing``."""
        self._every, self._kinds = every, cycle(kinds)
        self._commits, self._chance = count(1), random.Random(7)
        self.is_refusing = False
        self._server = str(directory / ".s.PGSQL.5432")
        self.is_cutting = False
        self.cuts: list[Cut] = []
        self._kept: list[socket.socket] = []
        self._cut_off: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()
        for each in self._kept:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_refusing:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                threading.Thread(target=self._send_back, args=(server, client), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 20):
                is_commit = self.is_cutting and _COMMIT in data
                if is_commit and next(self._commits) % self._every == 0:
                    self._cut(next(self._kinds), data, client, server)
                    return
                server.sendall(data)
        _end(server)

    def _cut(self, cut: Cut, data: bytes, client: socket.socket, server: socket.socket) -> None:
        self.cuts.append(cut)
        self._cut_off.add(client)  # before the server can answer
        if cut == "after":
            server.sendall(data)
            time.sleep(self._chance.choice((0.0, 0.005)))
        _end(client)
        if cut == "late":
            time.sleep(self._chance.uniform(0.005, 0.3))
            server.sendall(data)
        if cut == "half-open":
            server.sendall(data[: _start(data)])
            self._kept.append(server)
            return
        _end(server)

    def _send_back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 20):
                if client not in self._cut_off:
                    client.sendall(data)
        _end(client)


def _start(data: bytes) -> int:
    """Return where the message with the COMMIT begins: before the statement, it has its type and
    length, and in a pipeline an empty name (protocol 3)."""
    place = data.rindex(_COMMIT)
    return place - 6 if data[place - 6 : place - 5] == b"P" else place - 5


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
