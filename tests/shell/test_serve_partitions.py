"""A node that the network cuts off from the database, while the others go on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gatepost.testing.postgres_server import PostgresServer
from tests.postgres_server import new_server
from tests.shell.database_link import database_link
from tests.shell.serve_process import wait_for
from tests.shell.test_serve_nodes import QUICK, attempted, cluster, taken
from tests.shell.test_serve_postgres import Load, connect, refusal, send
from tests.shell.upstreams import upstream

IN_FLIGHT = 20
"""The most that one node may have sent without having recorded it."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with new_server() as made:
        yield made


class GatedHub:
    """A next hop that asks for no content until it is opened."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._gate = threading.Event()
        self.contents: list[bytes] = []
        """What was sent to its end."""
        self.has_ended = threading.Event()
        """A transaction is over that had begun before."""
        threading.Thread(target=self._serve, daemon=True).start()

    def open(self) -> None:
        self._gate.set()

    def close(self) -> None:
        self._gate.set()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connected, _ = self._listener.accept()
                threading.Thread(target=self._converse, args=(connected,), daemon=True).start()

    def _converse(self, connected: socket.socket) -> None:
        with suppress(OSError), connected, connected.makefile("rb") as lines:
            connected.sendall(b"220 gate.test ESMTP\r\n")
            for line in lines:
                if line.upper().startswith(b"DATA"):
                    self._take(connected, lines)
                    return
                connected.sendall(b"250 ok\r\n")

    def _take(self, connected: socket.socket, lines: Iterator[bytes]) -> None:
        self._gate.wait()
        try:
            connected.sendall(b"354 go ahead\r\n")
            content = b""
            for line in lines:
                content += line
                if line == b".\r\n":
                    self.contents.append(content)
                    connected.sendall(b"250 ok\r\n")
        finally:
            self.has_ended.set()


@contextmanager
def gated_hub() -> Iterator[GatedHub]:
    hub = GatedHub()
    try:
        yield hub
    finally:
        hub.close()


@pytest.mark.compliance
def test_a_node_that_is_cut_off_while_it_delivers_sends_no_content(
    server: PostgresServer, tmp_path: Path
) -> None:
    """Others have delivered it meanwhile."""
    with (
        gated_hub() as gate,
        upstream() as (hub, port),
        database_link(server.directory) as link,
        cluster(tmp_path, server.url, QUICK) as nodes,
    ):
        a = nodes.start("a", gate.port, url=link.url)
        b = nodes.start("b", port)
        with connect(a) as client:
            send(client, "m1")
        wait_for(lambda: attempted(b))
        link.cut()
        wait_for(lambda: taken(hub) == {"m1": 1})
        gate.open()
        assert gate.has_ended.wait(60)
        assert gate.contents == []
        link.mend()
        a.wait_event("node_renewed")
        assert taken(hub) == {"m1": 1}
        assert b.ask("queue", "list")["deliveries"] == []
        assert a.stop() == 0


@pytest.mark.compliance
def test_a_node_that_is_cut_off_while_it_accepts_refuses_mail_and_loses_none(
    server: PostgresServer, tmp_path: Path
) -> None:
    with (
        upstream() as (hub, port),
        database_link(server.directory) as link,
        cluster(tmp_path, server.url, QUICK) as nodes,
    ):
        a, b = nodes.start("a", port, url=link.url), nodes.start("b", port)
        loads = [Load(a), Load(b)]
        for number in (1, 2):
            for each in loads:
                more = len(each.accepted) + 30
                wait_for(lambda each=each, more=more: len(each.accepted) >= more)
            link.cut()
            b.wait_event("node_taken_over", number)
            wait_for(lambda: refusal(a))
            during = len(loads[1].accepted) + 30
            wait_for(lambda during=during: len(loads[1].accepted) >= during)
            link.mend()
            a.wait_event("node_renewed", number)
        after = len(loads[0].accepted) + 30
        wait_for(lambda: len(loads[0].accepted) >= after)
        for each in loads:
            each.stop()
        accepted = {name for each in loads for name in each.accepted}
        wait_for(lambda: accepted <= set(taken(hub)))
        wait_for(lambda: b.ask("queue", "list")["deliveries"] == [])
        twice = [name for name, times in taken(hub).items() if times > 1]
        assert len(twice) <= 2 * IN_FLIGHT
        assert not [name for name, times in taken(hub).items() if times > 2]
