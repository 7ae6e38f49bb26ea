"""The accepted stream on a real socket, on both event loops: TLS, half-closes, flow control."""

import asyncio
import gc
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatepost.net.tls import TlsLayer
from gatepost.operator_log.sentences import format_event
from tests.loopback import eventually
from tests.shell.in_process_relay import PATIENCE, InProcessRelay, Plan, serving
from tests.shell.peer import Peer, TlsInHand, letter

MIB = 1024 * 1024
HANDSHAKE = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def _loops() -> list[Callable[[], asyncio.AbstractEventLoop]]:
    try:
        import uvloop
    except ImportError:
        return [asyncio.new_event_loop]
    return [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.fixture(scope="module", params=_loops(), ids=lambda loop: str(loop.__module__))
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcessRelay]:
    with serving(tmp_path_factory.mktemp("relay"), Plan(loop=request.param)) as served:
        yield served


def test_a_message_goes_through_starttls_and_login(served: InProcessRelay) -> None:
    with served.signed_in() as peer:
        content = letter(served.sender)
        assert peer.deliver(served.sender, content).startswith("250 2.0.0 OK queued as ")
        assert peer.ask("QUIT").startswith("221 ")
        assert peer.rest() == b""
    assert served.messages()[-1] == content


def test_tls_comes_first_on_the_implicit_port(served: InProcessRelay) -> None:
    with served.tls_peer() as peer:
        assert peer.reply().startswith("220 ")
        assert "AUTH LOGIN" in peer.ask("EHLO client.example")
        assert "STARTTLS" not in peer.ask("EHLO client.example")
        assert peer.login(served.username, served.password.reveal()).startswith("235 ")


def test_octets_behind_starttls_are_refused_and_the_connection_ends(served: InProcessRelay) -> None:
    with served.greeted() as peer:
        peer.send(b"STARTTLS\r\n" + HANDSHAKE)
        assert peer.rest() == b"501 5.5.2 Data behind STARTTLS\r\n"


def test_a_command_behind_starttls_is_refused_and_not_run(served: InProcessRelay) -> None:
    with served.greeted() as peer:
        peer.send(b"STARTTLS\r\nEHLO injected.example\r\n")
        assert peer.rest() == b"501 5.5.2 Data behind STARTTLS\r\n"


def test_a_client_hello_may_come_octet_by_octet(served: InProcessRelay) -> None:
    with served.greeted() as peer:
        assert peer.ask("STARTTLS").startswith("220 ")
        shaken = _shake_slowly(peer)
        assert shaken.version() in {"TLSv1.2", "TLSv1.3"}


def _shake_slowly(peer: Peer) -> ssl.SSLObject:
    """Shake hands with each octet in its own packet."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = peer.context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            for octet in outgoing.read():
                peer.send(bytes((octet,)))
            incoming.write(peer.sock.recv(65_536))
        else:
            peer.send(outgoing.read())
            return tls


GARBAGE = [
    # OpenSSL answers a broken record with an alert, and what is not a record at all with nothing
    (b"\x16\x03\x01\x00\x10" + bytes(16), b"\x15"),
    (b"EHLO client.example\r\n" * 200, b""),
]


@pytest.mark.parametrize(("garbage", "answer"), GARBAGE, ids=["record", "text"])
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_garbage_instead_of_a_handshake_is_no_reset(
    served: InProcessRelay, implicit: bool, garbage: bytes, answer: bytes
) -> None:
    peer = Peer.connect(served.tls_port, served.ca_file) if implicit else served.greeted()
    with peer:
        if not implicit:
            assert peer.ask("STARTTLS").startswith("220 ")
        peer.send(garbage + bytes(10_000))
        assert peer.rest()[:1] == answer


def test_a_broken_record_gets_an_alert(served: InProcessRelay) -> None:
    with served.secured() as peer:
        tls = peer.sock
        assert isinstance(tls, ssl.SSLSocket)
        raw = socket.socket(fileno=tls.detach())
        raw.settimeout(10)
        raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        said = b""
        while more := raw.recv(65_536):
            said += more
        raw.close()
    assert said.startswith((b"\x17\x03\x03", b"\x15\x03\x03")), "under TLS 1.3 alerts look so"


def test_a_failed_handshake_is_reported(served: InProcessRelay) -> None:
    with Peer.connect(served.tls_port, served.ca_file) as peer:
        peer.context = ssl.create_default_context()  # does not know our authority
        with pytest.raises(ssl.SSLCertVerificationError):
            peer.shake()
    eventually(lambda: any("unknown ca" in str(f["reason"]) for f in served.reported("tls_failed")))
    told = served.reported("tls_failed")[-1]
    assert format_event("tls_failed", told).count("failed") == 1


def test_close_notify_goes_both_ways(served: InProcessRelay) -> None:
    with served.secured() as peer:
        assert peer.ask("QUIT").startswith("221 ")
        tls = peer.sock
        assert isinstance(tls, ssl.SSLSocket)
        assert peer.rest() == b"", "close_notify: anything else raises SSLEOFError"
        raw = tls.unwrap()
        assert raw.recv(1) == b"", "no reset answers ours"


def test_our_close_notify_answers_that_of_the_client(served: InProcessRelay) -> None:
    with served.secured() as peer:
        tls = peer.sock
        assert isinstance(tls, ssl.SSLSocket)
        peer.sock = tls.unwrap()
        assert peer.rest() == b""


HALF_CLOSED = "250 2.0.0 OK queued", "250 2.0.0 OK"
"""How the answers begin to a message and NOOP from a client that will say no more."""


def test_a_half_closed_client_still_gets_its_answers(tmp_path: Path) -> None:
    with serving(tmp_path, Plan(profile="open")) as served, served.greeted() as peer:
        peer.begin("a@example.com")
        peer.send(letter("a@example.com") + b".\r\nNOOP\r\n")
        peer.sock.shutdown(socket.SHUT_WR)
        for answer in HALF_CLOSED:
            assert peer.reply().startswith(answer)
        assert peer.rest() == b""


def test_a_client_that_sent_close_notify_gets_its_replies(tmp_path: Path) -> None:
    with serving(tmp_path, Plan(profile="open")) as served, served.greeted() as peer:
        assert peer.ask("STARTTLS").startswith("220 ")
        tls = TlsInHand(peer.sock, peer.context)
        tls.send(b"EHLO client.example\r\nMAIL FROM:<a@example.com>\r\n")
        tls.send(b"RCPT TO:<b@example.com>\r\nDATA\r\n")
        tls.send(letter("a@example.com") + b".\r\nNOOP\r\n")
        tls.say_close_notify()
        answers = tls.rest().decode().splitlines()[-len(HALF_CLOSED) :]
        for said, answer in zip(answers, HALF_CLOSED, strict=True):
            assert said.startswith(answer)


def test_pipelined_commands_are_answered_in_order(tmp_path: Path) -> None:
    with serving(tmp_path, Plan(profile="open")) as served, served.greeted() as peer:
        content = letter("a@example.com")
        peer.send(
            b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\n"
            b"DATA\r\n" + content + b".\r\nMAIL FROM:<a@example.com>\r\nRSET\r\nNOOP\r\nQUIT\r\n"
        )
        said = peer.rest().decode().splitlines()
        assert [line[:3] for line in said] == [
            "250", "250", "250", "354", "250", "250", "250", "250", "221",
        ]  # fmt: skip
        assert served.messages() == [content]


def test_a_reply_survives_what_the_client_still_sends(served: InProcessRelay) -> None:
    """Unread octets at the close must not replace the last reply by a reset."""
    with served.peer() as peer:
        assert peer.reply().startswith("220 ")
        peer.send(b"GET / HTTP/1.1\r\n" + b"X-Padding: " + b"x" * 100_000 + b"\r\n\r\n")
        assert peer.rest().startswith(b"554 5.5.1 ")


@pytest.mark.parametrize(
    "opening",
    [HANDSHAKE + bytes(505), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n"],
    ids=["tls", "GET", "POST"],
)
def test_another_protocol_gets_an_error_and_is_cut_off(
    served: InProcessRelay, opening: bytes
) -> None:
    with served.peer() as peer:
        assert peer.reply().startswith("220 ")
        peer.send(opening)
        assert peer.rest() == b"554 5.5.1 This is an SMTP server\r\n"


def test_a_proxy_header_is_no_command(served: InProcessRelay) -> None:
    with served.peer() as peer:
        assert peer.reply().startswith("220 ")
        assert peer.ask("PROXY TCP4 192.0.2.1 192.0.2.2 1 2").startswith("500 ")


def test_a_client_that_never_closes_is_cut_behind_our_last_word(served: InProcessRelay) -> None:
    before = served.supervisor.connections
    with served.greeted() as peer:
        assert peer.ask("QUIT").startswith("221 ")
        eventually(lambda: served.supervisor.connections == before)


def test_a_client_that_reads_nothing_is_read_no_more(tmp_path: Path) -> None:
    plan = Plan(profile="open", limits={"commands": 10**9})
    with serving(tmp_path, plan) as served, served.greeted() as peer:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        assert peer.send_until_it_stalls(b"NOOP\r\n" * 10_000) < 64 * MIB
        waiting = served.run(_write_buffers(served))
        assert waiting < 2 * MIB, "what it does not take, we do not pile up"


async def _write_buffers(served: InProcessRelay) -> int:
    return sum(
        each._stream._transport.get_write_buffer_size() for each in served.supervisor._receivers
    )


def test_nagle_is_off_on_accepted_sockets(served: InProcessRelay) -> None:
    async def options() -> list[int]:
        return [
            each._stream._transport.get_extra_info("socket").getsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY
            )
            for each in served.supervisor._receivers
        ]

    with served.greeted():
        assert set(served.run(options())) == {1}


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="needs Linux's TCP_INFO")
def test_each_answer_is_one_segment(served: InProcessRelay) -> None:
    """Two small writes for one reply would be delayed by 40 ms through a delayed
    acknowledgement."""
    with served.signed_in() as peer:
        before = _segments_received(peer.sock)
        for command in ("EHLO client.example", f"MAIL FROM:<{served.sender}>", "RSET", "NOOP"):
            peer.ask(command)
        assert peer.deliver(served.sender, letter(served.sender)).startswith("250 ")
        assert _segments_received(peer.sock) - before == 4 + 4


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="needs Linux's TCP_INFO")
def test_tls_records_leave_with_the_reply(served: InProcessRelay) -> None:
    """The session ticket leaves with the reply to the data behind Finished; close_notify with
    221."""
    with served.greeted() as peer:
        assert peer.ask("STARTTLS").startswith("220 ")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = peer.context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        peer.send(outgoing.read())
        while True:
            incoming.write(peer.sock.recv(65_536))
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                continue
            break
        before = 0
        for command, code in ((b"EHLO client.example", b"250"), (b"QUIT", b"221")):
            before = _segments_received(peer.sock)
            tls.write(command + b"\r\n")
            peer.send(outgoing.read())
            incoming.write(peer.sock.recv(65_536))
            assert tls.read(65_536).startswith(code)
            assert _segments_received(peer.sock) - before == 1
        assert peer.sock.recv(65_536) == b""
        assert _segments_received(peer.sock) - before == 1


def test_a_closed_connection_frees_its_tls_state_at_once(served: InProcessRelay) -> None:
    """TLS state is large, so it must not wait for the garbage collector."""

    def layers() -> list[TlsLayer]:
        return [each for each in gc.get_objects() if isinstance(each, TlsLayer)]

    gc.collect()
    gc.disable()
    try:
        others = layers()  # held, so that none of them goes meanwhile
        with served.signed_in() as peer:
            assert len(layers()) == len(others) + 1
            assert peer.ask("QUIT").startswith("221 ")
        eventually(lambda: len(layers()) == len(others))
    finally:
        gc.enable()


def _segments_received(sock: socket.socket) -> int:
    """``tcpi_data_segs_in`` of <linux/tcp.h>."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("=I", info, 152)[0])


@pytest.mark.parametrize("loop", _loops(), ids=lambda loop: str(loop.__module__))
def test_a_connection_accepted_during_a_stop_gets_a_421(
    loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path
) -> None:
    with serving(tmp_path, Plan("open", loop=loop)) as served:

        async def connect_and_stop() -> tuple[Peer, asyncio.Task[None]]:
            peer, running = served.peer(), asyncio.get_running_loop()
            stopped: asyncio.Future[asyncio.Task[None]] = running.create_future()

            def stop() -> None:  # in the same turn in which the connection is accepted
                stopped.set_result(running.create_task(served.supervisor.drain(PATIENCE)))

            running.call_soon(stop)
            return peer, await stopped

        peer, draining = served.run(connect_and_stop())
        with peer:
            assert b"421 4.3.2 " in peer.rest()
        served.run(asyncio.wait_for(asyncio.shield(draining), PATIENCE / 2))
