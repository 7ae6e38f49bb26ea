"""The contract of every transport, whatever protocol it speaks."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any

import pytest

from gatepost.client.http_sign_in import AccessKeySignIn
from gatepost.client.provider_sign_in import KeySignIn
from gatepost.client.settings import Timeouts
from gatepost.config.http_provider_file import read_provider
from gatepost.errors import Unreadable
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Lease
from gatepost.model.route import (
    AcsRestTarget,
    Capture,
    GraphTarget,
    HttpApiTarget,
    ServerAddress,
    Smarthost,
    SmarthostTarget,
)
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpClient
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.acs_rest import AcsRestTransport
from gatepost.relay.transport.capture import CaptureTransport
from gatepost.relay.transport.connection_opener import Opener
from gatepost.relay.transport.contract import Transport
from gatepost.relay.transport.graph import GraphTransport
from gatepost.relay.transport.provider_api import ProviderApiTransport
from gatepost.relay.transport.smtp import Sending, SmtpTransport
from gatepost.testing.memory import MemoryStore
from tests.leases import lease
from tests.shell.http_server import Asked, HttpServer, Told
from tests.tcp_server import TcpServer

CONTENT = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: hi\r\n\r\nHello\r\n"
NETWORKED = ["smtp", "acs-rest", "graph", "http-api"]
KINDS = [*NETWORKED, "capture"]
QUICK = Timeouts(quit=0.1)


def smtp_session(connected: socket.socket, stall: threading.Event | None) -> None:
    """Accept every message; with ``stall``, answer none before it is set."""
    with connected, connected.makefile("rb") as lines:
        connected.sendall(b"220 test\r\n")
        for line in lines:
            match line[:4].upper():
                case b"DATA":
                    connected.sendall(b"354 go\r\n")
                    while next(lines) != b".\r\n":
                        pass
                    if stall is not None:
                        stall.wait(10)
                    connected.sendall(b"250 2.0.0 kept\r\n")
                case b"QUIT":
                    connected.sendall(b"221 bye\r\n")
                case _:
                    connected.sendall(b"250 ok\r\n")


@contextmanager
def smtp_server(stall: threading.Event | None) -> Iterator[int]:
    def serve(connected: socket.socket) -> None:
        try:
            smtp_session(connected, stall)
        except (OSError, StopIteration):
            pass  # the client left

    with TcpServer(serve) as server:
        yield server.port


def infobip_answer(body: Any) -> Any:
    status = {"groupName": "PENDING"}
    people = body["destinations"]
    return {"messages": [{"to": each, "messageId": "1", "status": status} for each in people]}


@contextmanager
def http_server(stall: threading.Event | None) -> Iterator[int]:
    def answer(asked: Asked) -> Told:
        if stall is not None:
            stall.wait(10)
        if asked.headers.get("authorization") == "a2V5":
            return Told(200, json.dumps(infobip_answer(json.loads(asked.body))).encode())
        status = 200 if asked.method == "GET" else 202
        return Told(status, json.dumps({"id": "1", "status": "Succeeded"}).encode())

    with HttpServer(answer) as server:
        yield int(server.url.rpartition(":")[2])


@asynccontextmanager
async def transport(kind: str, port: int) -> AsyncIterator[Transport]:
    http = HttpClient()
    key = AccessKeySignIn("key", lambda: Secret("a2V5"))
    url = f"http://localhost:{port}"
    made: Transport
    match kind:
        case "smtp":
            target = SmarthostTarget("t", (Smarthost("localhost", port),), "none")
            made = SmtpTransport(target, sending=Sending(Opener(timeouts=QUICK)))
        case "acs-rest":
            made = AcsRestTransport(AcsRestTarget("t", url, "c"), http, key)
        case "graph":
            made = GraphTransport(GraphTarget("t", "c", "", url), http, key)
        case "http-api":
            provider = read_provider("infobip")
            api = HttpApiTarget("t", provider, url, "c", (("account", "x"),))
            made = ProviderApiTransport(api, http, KeySignIn("key", lambda: Secret("a2V5")))
        case _:
            made = CaptureTransport(Capture("t"), MemoryStore(), iter(map(str, range(99))).__next__)
    try:
        yield made
    finally:
        await made.close()
        await http.close()


Act = Callable[[Transport, ServerAddress], Awaitable[None]]


def play(kind: str, act: Act, stall: threading.Event | None = None) -> None:
    async def run(port: int) -> None:
        async with transport(kind, port) as made:
            await asyncio.wait_for(act(made, ServerAddress("localhost", port, "127.0.0.1")), 60)

    server = smtp_server if kind == "smtp" else http_server
    with server(stall) as port:
        try:
            asyncio.run(run(port))
        finally:
            if stall is not None:
                stall.set()


async def hand(
    made: Transport, server: ServerAddress, given: Lease | None = None, seconds: float = 30.0
) -> AttemptResult:
    deadline = asyncio.get_running_loop().time() + seconds
    return await made.deliver(given or lease(), BytesBody(CONTENT), server, deadline)


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_one_verdict_for_each_waiting_recipient_in_order(kind: str) -> None:
    async def act(made: Transport, server: ServerAddress) -> None:
        people = [f"p{number}@example.net" for number in range(5)]
        handed = await hand(made, server, lease(*people))
        assert [each.kind for each in handed.verdicts] == ["delivered"] * 5
        assert all(each.reply.is_success for each in handed.verdicts)
        assert handed.attempt.reply.is_success
        assert handed.attempt.contact.target == "t"
        assert handed.is_final == (kind == "capture")
        assert (handed.error_replies, handed.error, handed.evidence) == ((), None, None)

    play(kind, act)


@pytest.mark.parametrize("kind", KINDS)
def test_many_at_once(kind: str) -> None:
    async def act(made: Transport, server: ServerAddress) -> None:
        tries = [hand(made, server, lease(id=f"m{number}")) for number in range(20)]
        handed = await asyncio.gather(*tries)
        assert {each.verdicts[0].kind for each in handed} == {"delivered"}

    play(kind, act)


@pytest.mark.parametrize("kind", NETWORKED)
def test_an_unreachable_server_defers(kind: str) -> None:
    async def run(port: int) -> None:
        async with transport(kind, port) as made:
            handed = await hand(made, ServerAddress("localhost", port, "127.0.0.1"))
        assert [each.kind for each in handed.verdicts] == ["deferred"]
        assert not handed.attempt.is_remote
        assert handed.attempt.phase == "connect"
        assert handed.error_replies == ()
        assert handed.error is not None
        assert "refused" in handed.attempt.reply.reason.lower()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    asyncio.run(run(port))


@pytest.mark.parametrize("kind", NETWORKED)
def test_the_deadline_ends_an_attempt(kind: str) -> None:
    async def act(made: Transport, server: ServerAddress) -> None:
        handed = await hand(made, server, seconds=1.0)
        assert [each.kind for each in handed.verdicts] == ["deferred"]
        assert handed.attempt.seconds < 8
        assert handed.attempt.phase == "content"
        assert not handed.attempt.is_remote

    play(kind, act, threading.Event())


@pytest.mark.parametrize("kind", NETWORKED)
def test_an_attempt_after_a_cancelled_one_works(kind: str) -> None:
    stall = threading.Event()

    async def act(made: Transport, server: ServerAddress) -> None:
        first = asyncio.create_task(hand(made, server))
        await asyncio.sleep(0.2)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        stall.set()
        handed = await hand(made, server, lease(id="m2"))
        assert handed.verdicts[0].kind == "delivered"

    play(kind, act, stall)


class DamagedBody(BytesBody):
    """Content whose checksum is found wrong at its end."""

    def chunks(self) -> Iterator[bytes]:
        yield from super().chunks()
        raise Unreadable("the body is damaged")


@pytest.mark.parametrize("kind", NETWORKED)
@pytest.mark.parametrize("size", [10, 600_000])
def test_unreadable_content_does_not_count_against_the_server(kind: str, size: int) -> None:
    async def act(made: Transport, server: ServerAddress) -> None:
        await hand(made, server)
        for number in range(3):
            body = DamagedBody(CONTENT + b"x" * 70 * (size // 72) + b"\r\n")
            deadline = asyncio.get_running_loop().time() + 10
            with pytest.raises(Unreadable):
                await made.deliver(lease(id=f"d{number}"), body, server, deadline)
        assert (await hand(made, server, lease(id="m2"))).verdicts[0].kind == "delivered"

    play(kind, act)


@pytest.mark.parametrize("kind", KINDS)
def test_a_retired_transport_finishes_its_attempts(kind: str) -> None:
    async def act(made: Transport, server: ServerAddress) -> None:
        await hand(made, server)
        await made.retire()
        assert (await hand(made, server, lease(id="m2"))).verdicts[0].kind == "delivered"

    play(kind, act)


@pytest.mark.parametrize("kind", KINDS)
def test_close_may_be_called_twice(kind: str) -> None:
    async def act(made: Transport, server: ServerAddress) -> None:
        await hand(made, server)
        await made.close()
        await made.close()

    play(kind, act)
