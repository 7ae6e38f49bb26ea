"""The relay at its limits: idle clients, many errors, many connections, large messages."""

import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gatepost.relay.spool import Spool
from tests.loopback import eventually
from tests.shell.in_process_relay import InProcessRelay, Plan, serving
from tests.shell.peer import Peer, letter

MIB = 1024 * 1024
SENDER = "a@example.com"


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InProcessRelay]:
    with serving(tmp_path, request.param) as served:
        yield served


def with_plan(**differences: object) -> pytest.MarkDecorator:
    plan = Plan(**{"profile": "open", **differences})  # type: ignore[arg-type]  # fields of Plan
    return pytest.mark.parametrize("served", [plan], indirect=True, ids=["served"])


SILENCES: list[Callable[[Peer], object]] = [
    lambda _peer: None,
    lambda peer: peer.ask("EHLO client.example"),
    lambda peer: peer.send(b"EHL"),
    lambda peer: peer.send(b"EHLO client.example\r\nAUTH LOGIN\r\n"),
    lambda peer: peer.send(
        b"EHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nhalf"
    ),
]


@with_plan(limits={"idle": 0.2})
def test_a_silent_client_gets_a_421_and_is_cut_off(served: InProcessRelay) -> None:
    peers = [served.peer() for _ in SILENCES]
    for peer, fall_silent in zip(peers, SILENCES, strict=True):
        fall_silent(peer)
    for peer in peers:
        with peer:
            assert peer.rest().endswith(b"\r\n421 4.4.2 Connection timed out\r\n")
    assert served.messages() == []


def test_no_client_is_cut_off_before_its_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.relay.connection_supervisor.SWEEP", 0.4)
    with serving(tmp_path, Plan("open", limits={"idle": 0.3})) as served:
        time.sleep(0.35)  # shortly before the next look
        with served.greeted() as peer:
            spoke = time.monotonic()
            assert peer.ask("NOOP").startswith("250 ")
            assert peer.rest().startswith(b"421 4.4.2 ")
            assert time.monotonic() - spoke >= 0.3


@with_plan(limits={"idle": 0.2})
def test_single_octets_do_not_extend_the_idle_timeout(served: InProcessRelay) -> None:
    begin = b"EHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
    peers = [served.peer() for _ in range(2)]
    peers[1].send(begin)
    until = time.monotonic() + 2.5  # the relay looks once in a second
    while time.monotonic() < until:
        time.sleep(0.05)
        for peer in peers:
            with suppress(OSError):
                peer.send(b"x")
    for peer in peers:
        with peer:
            assert b"\r\n421 4.4.2 Connection timed out\r\n" in peer.rest()


@with_plan()
def test_a_handshake_that_does_not_end_is_cut(
    served: InProcessRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.relay.client_connection.HANDSHAKE_TIMEOUT", 0.2)
    with Peer.connect(served.tls_port, served.ca_file) as implicit, served.greeted() as explicit:
        assert explicit.ask("STARTTLS").startswith("220 ")
        for peer in (implicit, explicit):
            peer.send(b"\x16\x03\x01\x02\x00\x01")
        for peer in (implicit, explicit):
            assert peer.is_closed()
    reasons = [told["reason"] for told in served.reported("tls_failed")]
    assert reasons == ["the TLS handshake was not finished in time"] * 2


@with_plan(limits={"idle": 3600.0})
def test_a_peer_that_talks_is_not_silent(served: InProcessRelay) -> None:
    with served.greeted() as peer:
        time.sleep(1.2)
        assert peer.ask("NOOP").startswith("250 ")


@with_plan()
def test_ten_errors_end_the_session(served: InProcessRelay) -> None:
    with served.greeted() as peer:
        for _ in range(9):
            assert peer.ask("NONSENSE").startswith("500 ")
        assert peer.ask("NONSENSE").startswith("500 ")
        assert peer.rest() == b"421 4.7.0 Too many errors\r\n"


@with_plan(max_connections=2)
def test_a_connection_over_the_limit_gets_a_421(served: InProcessRelay) -> None:
    with served.greeted(), served.greeted() as second:
        with served.peer() as third:
            assert third.rest() == b"421 4.3.2 Too many connections\r\n"
        with served.tls_peer() as fourth:
            assert fourth.rest() == b"421 4.3.2 Too many connections\r\n"
        assert second.ask("QUIT").startswith("221 ")
        assert second.rest() == b""
        second.sock.close()
        eventually(lambda: served.supervisor.connections < 2)
        with served.peer() as fifth:
            assert fifth.reply().startswith("220 ")


def test_the_operator_hears_once_that_clients_wait_for_a_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr("gatepost.relay.descriptor_alarm.QUIET", 0.3)
    with serving(tmp_path, Plan("open")) as served, socket.socket() as client:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        os.close(first_free := os.dup(0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, hard))
        try:
            client.connect(("127.0.0.1", served.port))
            eventually(lambda: bool(served.reported("descriptors_used_up")))
            time.sleep(0.5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert client.recv(4) == b"220 "
        [told] = served.reported("descriptors_used_up")
        assert (told["limit"], told["reason"]) == (
            first_free, "clients over SMTP wait until others disconnect",
        )  # fmt: skip
        eventually(lambda: bool(served.reported("descriptors_free")))
        assert not served.reported("internal_error")


@with_plan(limits={"message_size": 200_000})
@pytest.mark.parametrize("how", ["DATA", "BDAT", "BDAT in two"])
def test_an_oversize_message_is_refused_at_its_end_and_the_next_one_taken(
    served: InProcessRelay, how: str
) -> None:
    with served.greeted() as peer:
        assert peer.ask(f"MAIL FROM:<{SENDER}> SIZE=200001").startswith("552 5.3.4 ")
        large = letter(SENDER, b"x" * 98 + b"\r\n") * 2_500
        if how == "DATA":
            assert peer.deliver(SENDER, large).startswith("552 5.3.4 ")
        else:
            assert peer.ask(f"MAIL FROM:<{SENDER}> SIZE=200000").startswith("250 ")
            assert peer.ask("RCPT TO:<b@example.com>").startswith("250 ")
            if how == "BDAT in two":
                half = len(large) // 2
                peer.send(b"BDAT %d\r\n" % half + large[:half])
                assert peer.reply().startswith(("250 ", "552 "))
                large = large[half:]
            peer.send(b"BDAT %d LAST\r\n" % len(large) + large)
            assert peer.reply().startswith("552 5.3.4 ")
        small = letter(SENDER)
        assert peer.deliver(SENDER, small).startswith("250 ")
    assert served.messages() == [small]
    assert served.relay.budget.used == 0
    [refused] = served.reported("message_refused")
    assert refused["reply"].startswith("552 5.3.4 ")


@with_plan(budget=MIB)
def test_content_over_the_memory_budget_goes_to_an_unlinked_file(
    served: InProcessRelay, tmp_path: Path
) -> None:
    content = letter(SENDER, (b"y" * 98 + b"\r\n") * 40_000)
    before = set(tmp_path.iterdir())
    with served.greeted() as first, served.greeted() as second:
        for peer in (first, second):
            peer.begin(SENDER)
            peer.send(content[: 3 * MIB])
        eventually(lambda: served.run(_spilled(served)) == 2)
        assert set(tmp_path.iterdir()) == before, "no name, so nothing to clean up after a crash"
        assert served.relay.budget.used <= MIB
        for peer in (first, second):
            peer.send(content[3 * MIB :] + b".\r\n")
            assert peer.reply().startswith("250 ")
    assert served.messages() == [content, content]
    assert served.relay.budget.used == 0


async def _spilled(served: InProcessRelay) -> int:
    return sum(each._file is not None for each in _spools(served))


@with_plan(budget=MIB)
def test_content_of_a_lost_connection_is_forgotten(served: InProcessRelay) -> None:
    for size in (MIB // 2, 3 * MIB):
        with served.greeted() as peer:
            peer.begin(SENDER)
            peer.send(letter(SENDER, (b"z" * 98 + b"\r\n") * (size // 100)))
            eventually(lambda: served.run(_has_spool(served)))
    eventually(lambda: served.supervisor.connections == 0)
    assert served.relay.budget.used == 0
    assert served.messages() == []


async def _has_spool(served: InProcessRelay) -> bool:
    return bool(_spools(served))


def _spools(served: InProcessRelay) -> list[Spool]:
    receiving = [each._transactions for each in served.supervisor._receivers]
    return [each._spool for each in receiving if each is not None and each._spool is not None]


@with_plan()
@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
@pytest.mark.parametrize("command", [b"EHLO a.example\r\n", b"RSET\r\nMAIL FROM:<a@b.example>\r\n"])
def test_unread_replies_are_bounded(served: InProcessRelay, tls: bool, command: bytes) -> None:
    with served.tls_peer() if tls else served.peer() as peer:
        peer.send(b"EHLO a.example\r\n")
        number, times = command.count(b"\n"), 30_000
        sender = threading.Thread(target=peer.send, args=(command * (times // number),))
        sender.start()
        most = 0
        for _ in range(40):
            most = max([most, *served.run(_waiting(served))])
            time.sleep(0.02)
        assert most < 128 * 1024, "64 KiB wait, and what one round adds to them"
        found = 0
        while found < times + 2:
            reply = peer.reply()
            assert reply.startswith(("220 ", "250")), reply
            found += 1
        sender.join(10)
        assert not sender.is_alive()
        assert peer.ask("NOOP").startswith("250 ")


async def _waiting(served: InProcessRelay) -> list[int]:
    """Octets that each connection holds for a peer that does not take them."""
    return [
        each._stream._transport.get_write_buffer_size() + sum(map(len, each._session._out))
        for each in served.supervisor._receivers
        if hasattr(each, "_session")  # otherwise the connection is still being accepted
    ]


class FullFile:
    """A file on a disk that is full after so many octets."""

    def __init__(self, room: int) -> None:
        self._room = room

    def write(self, octets: bytes) -> int:
        self._room -= len(octets)
        if self._room < 0:
            raise OSError(28, "No space left on device")
        return len(octets)

    def fileno(self) -> int:
        return 0

    def seek(self, _offset: int, _whence: int = 0) -> int:
        self.flush()
        return 0

    def read(self, _size: int) -> bytes:
        return b""

    def flush(self) -> None:
        if self._room < 100_000:
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        self.flush()


@with_plan(budget=MIB)
@pytest.mark.parametrize("room", [0, 2 * MIB, 4_050_000], ids=["at once", "mid", "flush"])
def test_a_full_disk_is_reported_and_the_next_message_accepted(
    served: InProcessRelay, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: FullFile(room))
    content = letter(SENDER, (b"w" * 98 + b"\r\n") * 39_990)
    with served.greeted() as peer:
        assert peer.deliver(SENDER, content).startswith("452 4.3.1 "), served.events[-2:]
        assert served.relay.budget.used == 0
        assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
    assert len(served.messages()) == 1
    assert any("No space left" in str(facts) for _, facts in served.events)
