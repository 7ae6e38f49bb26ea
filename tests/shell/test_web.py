"""The HTTP server on real sockets: stops, timeouts, and limits on connections."""

import asyncio
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gatepost.net.listen import listen
from gatepost.policy.client_limits import ClientCounts, ClientLimits, LocalClientCounter
from gatepost.processes.event_loop import report_faults
from gatepost.relay.unfinished_handshakes import Handshakes
from gatepost.rest.middleware import Guard
from gatepost.web.connections import HandshakeLimit
from gatepost.web.server import WebLimits, WebServer
from tests.certificates import Authority, make_authority
from tests.shell.serve_process import wait_for

PATIENCE = 60.0


async def stalled(_request: Request) -> Response:
    await asyncio.Event().wait()
    raise AssertionError


async def told(request: Request) -> Response:
    return JSONResponse({"octets": len(await request.body())})


LONG = b"x" * 30_000_000


async def long(_request: Request) -> Response:
    return Response(LONG)


class Serving:
    """A server in its own loop and thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, **limits: Any) -> None:
        self._loop, self._limits = loop, limits
        self.reports: list[str] = []

    async def start(self) -> None:
        listener = listen("127.0.0.1", 0)
        self.port = listener.port
        routes = [
            Route("/stalled", stalled),
            Route("/long", long),
            Route("/told", told, methods=["GET", "POST"]),
        ]
        application = Starlette(routes=routes, middleware=[Middleware(Guard, report=self._report)])
        self.server = WebServer(listener, application, report=self._report, **self._limits)
        await self.server.wait_started()

    def _report(self, event: str, **_: Any) -> None:
        self.reports.append(event)

    def run(self, step: Callable[[], Awaitable[Any]]) -> Any:
        async def wait() -> Any:
            return await step()

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(PATIENCE)


@contextmanager
def serving(**limits: Any) -> Iterator[Serving]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    served = Serving(loop, **limits)
    try:
        served.run(served.start)
        yield served
        served.run(served.server.stop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


def ask(served: Serving, octets: bytes) -> socket.socket:
    """Send these octets unchanged, and return the connection."""
    connection = socket.create_connection(("127.0.0.1", served.port), PATIENCE)
    connection.sendall(octets)
    return connection


def answer(connection: socket.socket) -> tuple[int, Any]:
    """Read until the server closes; return status and document."""
    pieces = []
    while piece := connection.recv(65_536):
        pieces.append(piece)
    head, _, body = b"".join(pieces).partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body)


def test_a_stop_answers_only_requests_that_still_wait(capfd: pytest.CaptureFixture[str]) -> None:
    with serving() as served:
        waiting = ask(served, b"GET /stalled HTTP/1.1\r\nhost: here\r\n\r\n")
        half = ask(served, b"POST /told HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\nhalf")
        head = ask(served, b"GET /told HTTP/1.1\r\nhost:")
        with head, half, waiting:
            served.run(served.server.stop)
            status, document = answer(waiting)
    assert (status, document["error"]["code"]) == (503, "ServiceUnavailable")
    assert capfd.readouterr() == ("", "")
    assert not served.reports


# What a client may take.

HEAD = b"POST /told HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\n"
SLOW = [
    # what is sent, one octet at a time
    b"",
    b"GET /told HTTP/1.1\r\nhost: here\r\nx-pad: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    b"POST /told HTTP/1.1\r\nhost: here\r\ncontent-length: 999\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaa",
    HEAD + b"{}" + b"GET /told HTTP/1.1\r\nhost: here\r\nx-pad: aaaaaaaaaaaaaaaaaaaaaaaaaaa",
]


@pytest.mark.parametrize("octets", SLOW)
def test_slow_requests_are_cut_off(octets: bytes) -> None:
    """Slow-loris: each octet comes before any idle timeout, and the request never ends."""
    limits = WebLimits(head=0.3, body=0.3)
    with serving(limits=limits) as served, ask(served, octets[:-15]) as connection:
        began = time.monotonic()
        connection.settimeout(0.05)
        rest, open_ = octets[-15:], True
        while open_ and time.monotonic() - began < PATIENCE:
            try:
                open_ = connection.recv(65_536) != b""
            except TimeoutError:
                with suppress(OSError):
                    connection.sendall(rest[:1])
                    rest = rest[1:]
            except OSError:
                open_ = False
        assert not open_
        assert 0.25 < time.monotonic() - began < PATIENCE


@pytest.mark.parametrize("how", [b"close", b"keep-alive"])
def test_a_client_that_does_not_read_its_answer_is_cut_off(how: bytes) -> None:
    request = b"GET /long HTTP/1.1\r\nhost: here\r\nconnection: %b\r\n\r\n" % how
    counts = ClientCounts(ClientLimits(sessions=1), time.monotonic)
    limits = WebLimits(response=0.3, clients=LocalClientCounter(counts))
    with serving(limits=limits) as served, ask(served, request) as connection:
        wait_for(lambda: not counts.try_enter("test", "127.0.0.1"))
        counts.forget("test")
        wait_for(lambda: counts.try_enter("test", "127.0.0.1"))
        read = 0
        with suppress(ConnectionResetError):
            while octets := connection.recv(1_000_000):
                read += len(octets)
        assert read < len(LONG)


def test_a_client_that_reads_slowly_gets_its_answer() -> None:
    request = b"GET /long HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n"
    with serving(limits=WebLimits(response=30)) as served, ask(served, request) as connection:
        read = len(connection.recv(1_000))
        time.sleep(0.1)
        while octets := connection.recv(1_000_000):
            read += len(octets)
        assert read > len(LONG)


def test_a_request_in_time_is_answered_and_the_next_one_has_its_own_time() -> None:
    with serving(limits=WebLimits(head=3.0, body=3.0)) as served:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
        for _ in range(4):
            time.sleep(0.8)
            connection.request("POST", "/told", b"{}")
            assert json.loads(connection.getresponse().read()) == {"octets": 2}
        connection.close()


@pytest.mark.parametrize(
    ("target", "begin", "broken", "status"),
    [
        ("/told", b"2\r\n{}\r\n", b"no size\r\n", b"400"),
        ("/told", b"", b"no size\r\n", b"400"),
        ("/nowhere", b"", b"no size\r\n", b"404"),
    ],
)
def test_a_body_that_is_no_http_is_its_client_s_mistake(
    target: str, begin: bytes, broken: bytes, status: bytes
) -> None:
    head = f"POST {target} HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    with serving() as served, ask(served, head + begin) as connection:
        if status == b"404":
            assert connection.recv(65_536).startswith(b"HTTP/1.1 404 "), "which asks for no body"
        connection.sendall(broken)
        said = b""
        while octets := connection.recv(65_536):
            said += octets
        assert said.startswith(b"HTTP/1.1 400 ") or status == b"404"
        wait_for(lambda: served.reports == ["refused"])


def test_connections_are_counted_by_address() -> None:
    counts = ClientCounts(ClientLimits(sessions=1), time.monotonic)
    clients = LocalClientCounter(counts)
    request = b"GET /told HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n"
    assert clients.try_enter("127.0.0.1"), "over SMTP"
    with serving(limits=WebLimits(clients=clients)) as served:
        with ask(served, request) as refused:
            status, document = answer(refused)
            assert (status, document["error"]["code"]) == (503, "ServerBusy")
        clients.leave("127.0.0.1")
        for _ in range(2):
            with ask(served, request) as let_in:
                assert answer(let_in)[0] == 200


def test_an_address_with_too_many_is_let_in_when_kept_places_are_vacated() -> None:
    counts = ClientCounts(ClientLimits(sessions=1), time.monotonic)
    kept = LocalClientCounter(counts, owner="a front process")

    async def vacate() -> None:
        kept.leave("127.0.0.1")

    counts.vacate = vacate
    request = b"GET /told HTTP/1.1\r\nhost: here\r\n"
    assert kept.try_enter("127.0.0.1")
    with serving(limits=WebLimits(clients=LocalClientCounter(counts))) as served:
        with ask(served, request + b"\r\n") as let_in:
            assert let_in.recv(65_536).startswith(b"HTTP/1.1 200 ")
            assert not kept.try_enter("127.0.0.1"), "it is counted"
            let_in.sendall(request + b"connection: close\r\n\r\n")
            while octets := let_in.recv(65_536):
                assert b" 503 " not in octets
        wait_for(lambda: kept.try_enter("127.0.0.1"))


def test_connections_over_the_limit_get_a_503() -> None:
    request = b"GET /told HTTP/1.1\r\nhost: here\r\n\r\n"
    with serving(limits=WebLimits(connections=2)) as served:
        first, second = ask(served, b""), ask(served, b"")
        with first, second:
            with ask(served, request) as third:
                status, document = answer(third)
                assert (status, document["error"]["code"]) == (503, "ServerBusy")
            first.sendall(HEAD + b"{}")
            assert first.recv(65_536).startswith(b"HTTP/1.1 200 ")
            idle = [ask(served, b"") for _ in range(3)]
            with suppress(OSError):
                assert idle[-1].recv(65_536) == b""
            for each in idle:
                each.close()
        with ask(served, request.replace(b"here", b"here\r\nconnection: close")) as again:
            assert answer(again)[0] == 200


def test_a_failed_server_is_reported_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    told_of: list[tuple[str, str]] = []

    def report(event: str, **facts: Any) -> None:
        told_of.append((event, facts["reason"].partition(" at ")[0]))

    async def breaks(_server: uvicorn.Server, _counter: int) -> bool:
        raise LookupError("secret words")

    async def main() -> None:
        report_faults(report)
        listener = listen("127.0.0.1", 0)
        server = WebServer(listener, Starlette())
        await server.wait_started()
        monkeypatch.setattr(uvicorn.Server, "on_tick", breaks)
        while not told_of:  # noqa: ASYNC110 - at its next tick
            await asyncio.sleep(0.01)
        await server.stop()
        listener.close()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    assert told_of == [("internal_error", "LookupError")]


# Handshakes.


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


def files(authority: Authority, name: str) -> tuple[Path, Path]:
    pair = authority.issue(name)
    return Path(pair.certificate), Path(pair.key)


def open_tls(served: Serving, authority: Authority) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=authority.ca_file)
    return http.client.HTTPSConnection("localhost", served.port, timeout=PATIENCE, context=context)


def test_unfinished_handshakes_are_counted_by_address(authority: Authority) -> None:
    """Those of the SMTP listeners count, too; a finished one frees its place."""
    shaking = Handshakes()
    limits = WebLimits(handshakes=HandshakeLimit(shaking, lambda: 2))
    with serving(certificate=files(authority, "localhost"), limits=limits) as served:
        halves = [ask(served, b"\x16\x03\x01\x02\x00\x01") for _ in range(2)]
        with ask(served, b"\x16") as third, suppress(ConnectionResetError):
            assert third.recv(1) == b""
        assert served.reports == ["tls_failed"]
        halves.pop().close()
        wait_for(lambda: len(served.reports) == 2)
        for _ in range(3):  # a finished one is no unfinished one
            connection = open_tls(served, authority)
            connection.request("POST", "/told", b"hello")
            answered = connection.getresponse()
            assert json.loads(answered.read()) == {"octets": 5}
            connection.close()
        halves.pop().close()
        wait_for(lambda: len(served.reports) == 3)
    assert shaking.try_enter("127.0.0.1", 1)


def test_a_certificate_is_renewed_behind_the_handshakes(authority: Authority) -> None:
    limits = WebLimits(handshakes=HandshakeLimit(Handshakes(), lambda: None))
    with serving(certificate=files(authority, "elsewhere"), limits=limits) as served:
        with pytest.raises(ssl.SSLCertVerificationError):
            open_tls(served, authority).request("GET", "/told")
        served.server.renew(*map(str, files(authority, "localhost")))
        connection = open_tls(served, authority)
        connection.request("GET", "/told")
        assert connection.getresponse().status == 200
        connection.close()
