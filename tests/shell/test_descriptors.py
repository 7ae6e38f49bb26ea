"""A process without free file descriptors: health checks, commands and mail go on."""

import http.client
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from gatepost.testing import Emulator
from tests.shell.processes import children
from tests.shell.serve_process import (
    BASE,
    RECIPIENT,
    SENDER,
    relaying,
    wait_for,
)
from tests.shell.upstreams import upstream

if sys.platform != "linux":
    pytest.skip("limits another process", allow_module_level=True)

import resource

CONFIG = """
[[listener]]
name = "in"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
"""
SENT = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: x\r\n\r\nx\r\n".encode()


def used(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextmanager
def limited(pid: int, more: int) -> Iterator[int]:
    """Let a process open only so many more files."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    limit = used(pid) + more
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield limit
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextmanager
def crowd(port: int, number: int) -> Iterator[list[socket.socket]]:
    """Connect so many clients, and keep them."""
    with ExitStack() as stack:
        clients = []
        for _ in range(number):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            clients.append(client)
        yield clients


def health(url: str) -> int:
    host, _, port = url.partition("//")[2].partition("/")[0].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    finally:
        connection.close()


def greetings(clients: list[socket.socket]) -> int:
    found = 0
    for each in clients:
        with suppress(OSError):
            found += each.recv(1_000, socket.MSG_PEEK).startswith(b"220 ")
    return found


@pytest.mark.parametrize("workers", [0, 1])
def test_smtp_clients_leave_descriptors_to_health_checks_and_commands(workers: int) -> None:
    options = ("--http", "127.0.0.1:0", "--https", "off")
    with Emulator("open", workers=workers, options=options) as relay, ExitStack() as stack:
        accepting = [pid for pid in (relay.pid, *children(relay.pid)) if pid != relay.pid]
        pid = accepting[0] if workers else relay.pid
        stack.enter_context(limited(pid, 40))
        clients = stack.enter_context(crowd(relay.smtp.port, 100))
        wait_for(lambda: relay.events("descriptors_used_up"))
        wait_for(lambda: greetings(clients) >= 20)
        for _ in range(5):
            assert health(relay.ready["http"]["url"]) == 200
            assert relay.count() == 0
        assert greetings(clients) < 40, "the others wait"
        for each in clients[:85]:
            each.close()
        wait_for(lambda: greetings(clients[85:]) == 15)
        assert len(relay.events("descriptors_used_up")) == 1
        assert not relay.events("internal_error")


def sending_to(port: int) -> str:
    """Return the beginning of a configuration with this next hop."""
    target = f'kind = "smarthost"\nservers = ["127.0.0.1:{port}"]\ntls = "none"'
    return 'health = "127.0.0.1:0"\n' + BASE.replace('kind = "capture"', target)


def test_mail_waits_for_a_descriptor_without_a_pause_of_its_server(tmp_path: Path) -> None:
    with (
        upstream() as (_, port),
        relaying(tmp_path, CONFIG, base=sending_to(port)) as relay,
    ):
        pid = relay.process.pid
        with relay.signed_in("in") as peer, limited(pid, 6):
            assert peer.deliver(SENDER, SENT).startswith("250 ")
            wait_for(lambda: relay.events("descriptors_used_up"))
            assert health(relay.ready["health"]) == 200
            [waiting] = relay.ask("queue", "list")["deliveries"]
            told = relay.ask("queue", "why", waiting["message"])
            assert "no free file descriptor" in str(told)
        wait_for(lambda: relay.events("message_delivered"))
        assert not relay.events("next_hop_rests")
        assert not relay.events("message_deferred")
