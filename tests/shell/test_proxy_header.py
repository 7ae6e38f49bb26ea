"""A proxy's header on the wire: late, missing, in pieces, followed by data, and during a stop."""

import asyncio
import socket
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from gatepost.net.listen import listen
from gatepost.net.tls import server_context
from gatepost.policy.networks import Networks, NetworkTable
from gatepost.profiles import load_profile
from gatepost.relay.listener_state import ListenerState, ServerCertificate, Terms
from gatepost.wire.server.session import SessionSettings
from tests.certificates import make_authority
from tests.shell.in_process_relay import InProcessRelay, Plan, changed, serving
from tests.shell.peer import Peer

HEADER = b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 587\r\n"


@pytest.fixture(params=["in clear", "implicit TLS"])
def implicit(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "implicit TLS")


@pytest.fixture
def served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, implicit: bool
) -> Iterator[tuple[InProcessRelay, int]]:
    monkeypatch.setattr("gatepost.relay.connection_supervisor.SWEEP", 0.05)
    with serving(tmp_path, Plan(profile="open")) as served:
        authority = make_authority(tmp_path)
        pair = authority.issue("localhost", "127.0.0.1")
        served.ca_file = authority.ca_file
        setting = SessionSettings(changed(load_profile("open")), "relay.example")
        state = ListenerState(
            NetworkTable((), Terms(setting)),
            ServerCertificate(server_context(pair.certificate, pair.key)),
            implicit,
            Networks((ip_network("127.0.0.1"),)),
        )
        listener = listen("127.0.0.1", 0)
        port = listener.port
        served.run(served.supervisor.serve(listener, state))
        yield served, port


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the relay wait for no header for long."""
    monkeypatch.setattr("gatepost.relay.client_connection.PROXY_TIMEOUT", 0.3)


def connect(served: tuple[InProcessRelay, int]) -> Peer:
    return Peer.connect(served[1], served[0].ca_file)


def test_a_header_that_does_not_come_is_not_awaited_for_long(
    impatient: None,
    served: tuple[InProcessRelay, int],
) -> None:
    for said in (b"", b"PROXY TCP4 192.0"):
        with connect(served) as peer:
            peer.send(said)
            assert peer.is_closed()
    for told in served[0].reported("proxy_header_refused"):  # a proxy without one waits for a 220
        assert told == {"peer": "127.0.0.1", "reason": "no complete PROXY header came in time"}
    assert len(served[0].reported("proxy_header_refused")) == 2


def test_a_header_that_drips_gets_no_more_time(
    impatient: None, served: tuple[InProcessRelay, int]
) -> None:
    with connect(served) as peer:
        peer.sock.settimeout(0.05)
        closed = False
        for octet in HEADER * 2:
            try:
                peer.send(bytes([octet]))
                closed = peer.sock.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
            break
        assert closed


def test_data_after_the_header_in_the_same_packet_is_read(
    served: tuple[InProcessRelay, int], implicit: bool
) -> None:
    with connect(served) as peer:
        if implicit:
            peer.send(HEADER)
            peer.shake()
            assert peer.reply().startswith("220 ")
            assert "[192.0.2.7]" in peer.ask("EHLO client.example")
        else:
            peer.send(HEADER + b"EHLO client.example\r\n")
            assert peer.reply().startswith("220 ")
            assert "[192.0.2.7]" in peer.reply()


def test_connections_that_wait_for_a_header_do_not_delay_a_stop(
    served: tuple[InProcessRelay, int],
) -> None:
    relay, _ = served
    with connect(served) as peer, connect(served) as other:
        other.send(HEADER)
        relay.run(asyncio.sleep(0.05))
        relay.run(relay.supervisor.drain(2.0))
        assert peer.is_closed()
        assert relay.supervisor.connections == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", served[1]), 1)
