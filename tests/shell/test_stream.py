"""The contract of both kinds of streams, on real sockets."""

import asyncio
import fcntl
import socket
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from shutil import which

import pytest

from gatepost.errors import Disconnected, RemoteProtocolError, TlsError
from gatepost.net.async_stream import AsyncStream
from gatepost.net.dial import connect_to, dial, parse_server, resolve
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import client_context
from tests.certificates import Authority, Pair
from tests.loopback import eventually
from tests.shell.smtp_server import Client, serving

WAIT = 30.0


@contextmanager
def openssl(pair: Pair) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Run OpenSSL's server: it sends what is written to it, and ``K`` renews the keys."""
    command = [
        *("openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-tls1_3"),
        *("-cert", pair.certificate, "-key", pair.key),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            while not (line := process.stdout.readline()).startswith(b"ACCEPT"):
                assert line, "it did not start"
            yield int(line.rpartition(b":")[2]), process
        finally:
            process.kill()


def is_read(pipe: int) -> bool:
    """Return whether nothing is in a pipe any more."""
    return fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) == bytes(4)


@pytest.mark.skipif(which("openssl") is None, reason="needs the openssl program")
def test_a_key_update_in_the_middle(authority: Authority, pair: Pair) -> None:
    with openssl(pair) as (port, process):
        stream = SyncStream.connect(parse_server(f"localhost:{port}"))
        stream.start_tls(client_context(ca_file=authority.ca_file), "localhost", WAIT)
        assert process.stdin is not None
        assert process.stdout is not None
        for command in (b"before\n", b"K\n", b"after\n"):
            process.stdin.write(command)
            process.stdin.flush()
            eventually(partial(is_read, process.stdin.fileno()))  # or it takes no command
        heard = b""
        while b"after" not in heard:
            heard += stream.receive(WAIT)
        stream.send(b"with new keys\n", WAIT)
        while b"with new keys" not in (line := process.stdout.readline()):
            assert line, "s_server did not hear us"
        stream.abort()
    assert heard == b"before\nafter\n"


def test_small_writes_are_not_held_back(pair: Pair) -> None:
    """A connected socket has TCP_NODELAY, in both kinds of stream."""
    with serving(Client.wait_for_end, pair) as server:
        where = parse_server(server.address)
        with dial(where) as blocking, connect_to(resolve(where)[0]) as direct:
            for sock in (blocking, direct):
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

        async def look() -> int:
            stream = await AsyncStream.connect(where)
            try:
                return stream._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            finally:
                await stream.close()

        assert asyncio.run(look())


@pytest.mark.parametrize("replies", [("220 hello", "250 too early"), ("220 hello",)])
def test_unread_clear_text_prevents_the_handshake(
    authority: Authority, pair: Pair, replies: tuple[str, ...]
) -> None:
    """Behind a reply it is an attack on STARTTLS; before all replies the port has no TLS at all."""
    context = client_context(ca_file=authority.ca_file)
    *taken, waiting = replies

    def blurt(client: Client) -> None:
        for reply in taken:
            client.say(reply)
            client.hear()
        client.say(waiting)
        client.wait_for_end()

    async def try_it(server: str) -> None:
        stream = await AsyncStream.connect(parse_server(server))
        try:
            for _ in taken:
                await stream.receive(WAIT)
                await stream.send(b"STARTTLS\r\n", WAIT)
            await stream._until(stream._can_read, time.monotonic() + WAIT, "said nothing")
            await stream.start_tls(context, "localhost", WAIT)
        finally:
            await stream.close()

    expected = (RemoteProtocolError, "octets in clear") if taken else (TlsError, "wrong version")
    with serving(blurt, pair) as server, pytest.raises(expected[0], match=expected[1]):
        asyncio.run(try_it(server.address))


def test_a_server_that_leaves_in_the_handshake(authority: Authority, pair: Pair) -> None:
    context = client_context(ca_file=authority.ca_file)

    def leave(client: Client) -> None:
        client.socket.recv(5)
        client.socket.shutdown(socket.SHUT_WR)
        client.socket.recv(65_536)

    async def try_it(server: str) -> None:
        stream = await AsyncStream.connect(parse_server(server))
        try:
            await stream.start_tls(context, "localhost", WAIT)
        finally:
            await stream.close()

    with serving(leave, pair) as server:
        stream = SyncStream.connect(parse_server(server.address))
        with pytest.raises(TlsError, match="during the TLS handshake"):
            stream.start_tls(context, "localhost", WAIT)
        stream.close()
        with pytest.raises(TlsError, match="during the TLS handshake"):
            asyncio.run(try_it(server.address))


def test_a_flood_does_not_fill_the_memory(pair: Pair) -> None:
    def flood(client: Client) -> None:
        client.socket.settimeout(1)
        try:
            while True:
                client.socket.sendall(b"x" * 65_536)
        except OSError:
            pass  # nobody reads

    async def sit(server: str) -> int:
        stream = await AsyncStream.connect(parse_server(server))
        await asyncio.sleep(0.5)
        held = len(stream._buffer)
        stream.abort()
        return held

    with serving(flood, pair) as server:
        assert asyncio.run(sit(server.address)) < 1_000_000


@pytest.mark.parametrize("reply", ["250 kept", "552 too big"])
def test_a_quick_answer_to_all_of_it_is_not_too_early(
    pair: Pair, reply: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply is there before the sender looks again; it is still read in its turn."""
    sleep = asyncio.sleep
    monkeypatch.setattr(
        "gatepost.net.async_stream.asyncio.sleep", lambda _: sleep(0.05)
    )  # as long as the server needs

    def server(client: Client) -> None:
        client.hear_content()
        client.say(reply)
        client.wait_for_end()

    async def send(address: str) -> tuple[bytes, bytes]:
        stream = await AsyncStream.connect(parse_server(address))
        try:
            early = await stream.send_body([b"content\r\n", b".\r\n"], WAIT)
            return early, await stream.receive(WAIT)
        finally:
            stream.abort()

    with serving(server, pair) as running:
        assert asyncio.run(send(running.address)) == (b"", f"{reply}\r\n".encode())


PIECES = [b"a\r\n", b"b" * 100_000 + b"\r\n", b"c" * 700_000 + b"\r\n", b"d\r\n", b".\r\n"]


@pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
def test_pieces_of_any_size_arrive_in_order(
    authority: Authority, pair: Pair, *, secure: bool
) -> None:
    heard: list[bytes] = []

    def server(client: Client) -> None:
        if secure:
            client.start_tls()
        heard.append(client.hear_content())
        client.wait_for_end()

    def send(server: str) -> None:
        stream = SyncStream.connect(parse_server(server))
        if secure:
            stream.start_tls(client_context(ca_file=authority.ca_file), "localhost", WAIT)
        assert stream.send_body(PIECES, WAIT) == b""
        stream.close()

    async def send_async(server: str) -> None:
        stream = await AsyncStream.connect(parse_server(server))
        if secure:
            context = client_context(ca_file=authority.ca_file)
            await stream.start_tls(context, "localhost", WAIT)
        assert await stream.send_body(PIECES, WAIT) == b""
        await stream.close()

    with serving(server, pair) as running:
        send(running.address)
        asyncio.run(send_async(running.address))
    assert heard == [b"".join(PIECES[:-1])] * 2


def test_writing_to_a_lost_connection_does_not_affect_the_next_one(pair: Pair) -> None:
    """The next one may get the same descriptor, which must not be watched any more."""

    async def act(server: str) -> bytes:
        lost = await AsyncStream.connect(parse_server(server))
        lost.abort()
        with pytest.raises(Disconnected):
            await lost.send_body([b"content\r\n"], WAIT)
        other = await AsyncStream.connect(parse_server(server))
        try:
            return await other.receive(1)
        finally:
            other.abort()

    with serving(lambda client: client.say("hello"), pair) as running:
        assert asyncio.run(act(running.address)) == b"hello\r\n"
