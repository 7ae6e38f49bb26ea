"""Listening sockets: both families, free ports, busy ones, sockets handed on."""

import os
import socket

import pytest

from gatepost.errors import NetworkError
from gatepost.net.listen import Listener, PortBusy, adopt, listen


def _has_ipv6() -> bool:
    try:
        listen("::1", 0).close()
    except NetworkError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no ::1")


@pytest.fixture
def listener() -> Listener:
    return listen("127.0.0.1", 0)


@needs_ipv6
def test_localhost_is_both_families_on_one_port() -> None:
    with_both = listen("localhost", 0)
    families = {sock.family for sock in with_both.sockets}
    assert families == {socket.AF_INET, socket.AF_INET6}
    assert {sock.getsockname()[1] for sock in with_both.sockets} == {with_both.port}
    assert with_both.host == "127.0.0.1"
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, with_both.port), 5).close()
    with_both.close()


def test_a_busy_port_is_named(listener: Listener) -> None:
    with pytest.raises(PortBusy, match=f"127.0.0.1:{listener.port} is in use"):
        listen("127.0.0.1", listener.port)
    listener.close()


@needs_ipv6
def test_localhost_is_busy_when_one_family_is_and_leaves_the_other() -> None:
    taken = listen("::1", 0)
    with pytest.raises(PortBusy, match=f"::1.:{taken.port} is in use"):
        listen("localhost", taken.port)
    again = listen("127.0.0.1", taken.port)
    again.close()
    taken.close()


@pytest.mark.parametrize("host", ["name.invalid", "192.0.2.1", "2001:db8::1"])
def test_an_address_that_is_not_ours_is_named(host: str) -> None:
    with pytest.raises(NetworkError, match="cannot listen on"):
        listen(host, 0)


def test_a_port_is_free_again_right_after_its_connections(listener: Listener) -> None:
    client = socket.create_connection(("127.0.0.1", listener.port), 5)
    listener.sockets[0].setblocking(True)
    accepted, _ = listener.sockets[0].accept()
    accepted.close()
    listener.close()
    again = listen("127.0.0.1", client.getpeername()[1])
    assert again.port == client.getpeername()[1]
    again.close()
    client.close()


def test_sockets_survive_being_handed_on(listener: Listener) -> None:
    adopted = adopt(tuple(os.dup(sock.fileno()) for sock in listener.sockets))
    port = listener.port
    listener.close()
    assert (adopted.host, adopted.port) == ("127.0.0.1", port)
    socket.create_connection(("127.0.0.1", port), 5).close()
    adopted.close()
