"""Listening sockets: both families, free ports, busy ones, sockets handed on."""

import os
import socket
from pathlib import Path

import pytest

from gatepost.errors import NetworkError
from gatepost.net.listen import Listener, PortBusy, adopt, listen, listen_local


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


def test_every_address_of_both_families_on_one_port() -> None:
    with_all = listen("::", 0)
    for host in ("127.0.0.1", "::1") if _has_ipv6() else ("127.0.0.1",):
        socket.create_connection((host, with_all.port), 5).close()
    with_all.close()


class TestUnixSocket:
    def test_it_has_the_permissions_that_were_asked_for(self, tmp_path: Path) -> None:
        path = tmp_path / "smtp.sock"
        local = listen_local(path, 0o600)
        assert path.stat().st_mode & 0o777 == 0o600
        assert local.is_local
        assert (local.host, local.port) == (str(path), 0)
        local.close()
        assert not path.exists()

    def test_closing_keeps_another_socket_at_the_same_path(self, tmp_path: Path) -> None:
        path = tmp_path / "smtp.sock"
        local = listen_local(path)
        assert local.can_be_found()
        path.rename(tmp_path / "moved.sock")
        assert not local.can_be_found()
        other = listen_local(path)
        assert other.can_be_found()
        local.close()
        assert other.can_be_found()
        other.close()

    def test_one_that_was_left_behind_is_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "smtp.sock"
        left = socket.socket(socket.AF_UNIX)
        left.bind(str(path))
        left.close()
        local = listen_local(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        local.close()

    def test_one_that_is_served_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "smtp.sock"
        local = listen_local(path)
        with pytest.raises(PortBusy, match="is in use"):
            listen_local(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        local.close()

    def test_a_file_that_is_no_socket_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "precious"
        path.write_text("data")
        with pytest.raises(NetworkError, match="not a socket"):
            listen_local(path)
        assert path.read_text() == "data"

    def test_a_path_that_is_too_long_for_the_kernel(self, tmp_path: Path) -> None:
        deep = tmp_path / ("d" * 90) / ("e" * 90)
        deep.mkdir(parents=True)
        local = listen_local(deep / "smtp.sock")
        assert (deep / "smtp.sock").is_socket()
        local.close()

    def test_a_directory_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(NetworkError, match="cannot listen on"):
            listen_local(tmp_path / "nowhere" / "smtp.sock")
