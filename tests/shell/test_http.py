"""Outgoing HTTP over real sockets: the contract of the client."""

import asyncio
import re
import shutil
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gatepost.errors import (
    ConnectError,
    Disconnected,
    GatepostError,
    LocalProtocolError,
    NetworkError,
    RemoteProtocolError,
    ResolveError,
    TimedOut,
    TlsError,
)
from gatepost.net.http_client import HttpClient, HttpRequest, HttpResponse
from tests.certificates import Authority, Pair, make_authority
from tests.shell.http_server import Asked, HttpServer, Told

SECRET = "code=s3cret"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def answer(asked: Asked) -> Told:
    match asked.path:
        case "/moved":
            return Told(302, b"", {"location": "/there"})
        case "/cut":
            return Told(body=None)
        case "/broken":
            return Told(body=b"{", headers={"content-length": "9"})
        case "/long":
            return Told(body=b"x" * 1_100_000)
        case "/slow":
            threading.Event().wait(0.8)
    return Told(201, asked.body, {"X-Seen": asked.headers.get("x-mine", ""), "Retry-After": "7"})


@pytest.fixture(scope="module")
def plain() -> Iterator[HttpServer]:
    with HttpServer(answer) as server:
        yield server


@pytest.fixture(scope="module")
def secure(pair: Pair) -> Iterator[HttpServer]:
    with HttpServer(answer, pair) as server:
        yield server


def run(act: Callable[[HttpClient], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    async def with_client() -> Any:
        client = HttpClient(**options)
        try:
            return await act(client)
        finally:
            await client.close()

    return asyncio.run(with_client())


def ask(url: str, **options: Any) -> HttpResponse:
    request = HttpRequest("POST", url, {"x-mine": "a"}, b"hello")
    response: HttpResponse = run(lambda client: client.ask(request), **options)
    return response


def fails(url: str, **options: Any) -> GatepostError:
    with pytest.raises(GatepostError) as caught:
        ask(url, **options)
    assert "s3cret" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    return caught.value


def test_an_answer_comes_back(plain: HttpServer) -> None:
    response = ask(f"{plain.url}/a?b=c")
    assert (response.status, response.body, response.headers["x-seen"]) == (201, b"hello", "a")
    assert plain.asked[-1].target == "/a?b=c"
    assert response.retry_after(NOW) == 7.0


def test_over_tls_with_an_authority_of_its_own(secure: HttpServer, authority: Authority) -> None:
    assert ask(f"{secure.url}/", ca_file=authority.ca_file).status == 201


def test_an_untrusted_certificate(secure: HttpServer) -> None:
    error = fails(f"{secure.url}/?{SECRET}")
    assert isinstance(error, TlsError)
    assert (error.phase, error.slug) == ("tls", "cert_untrusted")


def test_a_changed_ca_file_counts(secure: HttpServer, authority: Authority, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(make_authority(other).ca_file, ca_file)

    async def act(client: HttpClient) -> None:
        request = HttpRequest("GET", secure.url)
        with pytest.raises(TlsError):
            await client.ask(request)
        shutil.copy(authority.ca_file, ca_file)
        assert (await client.ask(request)).status == 201

    run(act, ca_file=str(ca_file))


def test_a_redirection_is_an_answer(plain: HttpServer) -> None:
    assert ask(f"{plain.url}/moved").status == 302
    assert plain.asked[-1].path == "/moved"


def test_connections_are_kept(plain: HttpServer) -> None:
    async def act(client: HttpClient) -> None:
        for _ in range(5):
            await client.ask(HttpRequest("GET", plain.url))

    before = plain.connections
    run(act)
    assert plain.connections == before + 1


@pytest.mark.parametrize(
    ("path", "kind", "told"),
    [
        ("/cut", Disconnected, "localhost closed the connection"),
        ("/broken", RemoteProtocolError, "localhost broke off its answer"),
        ("/long", RemoteProtocolError, "localhost answered with more than 1048576 octets"),
        ("/slow", TimedOut, "localhost did not answer within 0.4 s"),
    ],
)
def test_answers_that_do_not_come(
    plain: HttpServer, path: str, kind: type[GatepostError], told: str
) -> None:
    error = fails(f"{plain.url}{path}?{SECRET}", timeout=0.4 if kind is TimedOut else 30.0)
    assert isinstance(error, kind)
    assert str(error) == told


@pytest.mark.parametrize(("path", "octets"), [("/broken", 1), ("/long", 1_100_000)])
def test_the_beginning_of_an_answer_may_be_enough(
    plain: HttpServer, path: str, octets: int
) -> None:
    request = HttpRequest("POST", f"{plain.url}{path}", may_break_off=True)
    response: HttpResponse = run(lambda client: client.ask(request))
    assert response.status == 200
    assert 0 < len(response.body) <= octets


def test_a_request_may_have_a_time_of_its_own(plain: HttpServer) -> None:
    request = HttpRequest("POST", f"{plain.url}/slow", timeout=0.05)
    with pytest.raises(TimedOut, match=r"within 0\.05 s"):
        run(lambda client: client.ask(request))


def test_an_answer_that_is_not_http_is_an_error() -> None:
    async def act() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"220 mail.example ESMTP s3cret\r\n")
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://localhost:{server.sockets[0].getsockname()[1]}/"
            client = HttpClient()
            try:
                with pytest.raises(
                    RemoteProtocolError, match="localhost sent an answer that is not HTTP"
                ):
                    await client.ask(HttpRequest("GET", url))
            finally:
                await client.close()

    asyncio.run(act())


def test_a_refusal_of_the_proxy_differs_from_one_of_the_server(
    plain: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"{plain.url}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    error = fails(f"https://api.example/?{SECRET}")
    assert isinstance(error, ConnectError)
    assert str(error) == "the proxy on the way to api.example refused: HTTP 501"


def test_an_unreachable_proxy_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = f"http://user:s3cret@127.0.0.1:{nobody.getsockname()[1]}"
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        error = fails(f"https://api.example/?{SECRET}")
    assert str(error) == (
        "cannot connect to the proxy 127.0.0.1 on the way to api.example: Connection refused"
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[1]", b"\xff", b'{"a": ', b"[" * 100_000],
)
def test_a_body_that_is_no_document(body: bytes) -> None:
    assert HttpResponse(200, {}, body).document() == {}


def test_a_document_may_have_a_mark_in_front() -> None:
    assert HttpResponse(200, {}, b'\xef\xbb\xbf{"a": 1}').document() == {"a": 1}


def test_answers_before_the_answer_are_few() -> None:
    """aiohttp reads them without end, and blocks the loop meanwhile."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

    async def asked(number: int) -> list[int]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readuntil(b"\r\n\r\nhello"):
                writer.write(interim * number + final)

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            client = HttpClient()
            try:
                request = HttpRequest("POST", url, {}, b"hello")
                return [(await client.ask(request)).status for _ in range(2)]
            finally:
                await client.close()

    assert asyncio.run(asked(2)) == [200, 200]
    with pytest.raises(RemoteProtocolError):
        asyncio.run(asked(10_000))


@pytest.mark.parametrize("early", [b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n", b""])
def test_a_server_that_does_not_read_a_request_keeps_no_connection(
    monkeypatch: pytest.MonkeyPatch, early: bytes
) -> None:
    opened: list[socket.socket] = []

    def open_socket(*arguments: Any) -> socket.socket:
        opened.append(socket.socket(*arguments))
        opened[-1].setblocking(False)
        opened[-1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        return opened[-1]

    monkeypatch.setattr("gatepost.net.http_client.open_socket", open_socket)

    async def act() -> None:
        is_over = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(300_000)
            writer.write(early)
            await is_over.wait()
            writer.close()

        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        async with await asyncio.start_server(serve, sock=listener):
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            client = HttpClient(timeout=30.0 if early else 0.3)
            try:
                response = await client.ask(HttpRequest("POST", url, {}, bytes(32_000_000)))
                assert response.status == 413
            except TimedOut:
                assert not early
            await asyncio.sleep(0)
            is_closed = [each.fileno() == -1 for each in opened]
            is_over.set()
            await client.close()
            assert is_closed == [True]

    asyncio.run(act())


def test_an_unreachable_server_is_a_connect_error(plain: HttpServer) -> None:
    with HttpServer(answer) as gone:
        url = gone.url
    error = fails(f"{url}/?{SECRET}")
    assert isinstance(error, ConnectError)
    assert error.phase == "connect"
    assert isinstance(fails(f"https://nobody.invalid/?{SECRET}"), ResolveError | ConnectError)


def test_a_server_that_accepts_no_connection_differs_from_a_slow_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing was sent, so another server may get the request."""
    monkeypatch.setattr("gatepost.net.http_client.CONNECTING", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        error = fails(f"http://127.0.0.1:{full.getsockname()[1]}/?{SECRET}")
        for each in waiting:
            each.close()
    assert isinstance(error, TimedOut)
    assert error.phase == "connect"
    assert str(error) == "127.0.0.1 did not accept a connection within 0.1 s"


def test_a_server_without_tls_is_an_error(plain: HttpServer) -> None:
    error = fails(plain.url.replace("http:", "https:"))
    assert isinstance(error, TlsError)
    assert re.fullmatch(r"localhost: TLS failed: [a-z ]+", str(error)), "OpenSSL's own words"


def test_a_server_that_hangs_up_at_the_handshake() -> None:
    async def act() -> None:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
            client = HttpClient()
            try:
                with pytest.raises(NetworkError, match=r"closed the connection|reset by peer"):
                    await client.ask(HttpRequest("GET", url))
            finally:
                await client.close()

    asyncio.run(act())


def test_a_ca_file_that_is_not_there_is_not_the_server_s_fault(tmp_path: Path) -> None:
    error = fails("https://localhost:1/", ca_file=str(tmp_path / "ca.pem"))
    assert isinstance(error, TlsError)
    assert str(error) == f"{tmp_path}/ca.pem: No such file or directory"


@pytest.mark.parametrize(
    "url",
    [
        f"http://mail.example/?{SECRET}", f"http://192.0.2.1/?{SECRET}", f"ftp://a/?{SECRET}",
        "", "https://", f"https://a:b/{SECRET}", f"http://localhost.example/?{SECRET}",
        f"http://[::1/{SECRET}",
    ],
)  # fmt: skip
def test_urls_that_are_not_asked(url: str) -> None:
    assert isinstance(fails(url), LocalProtocolError)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("", 0.0), ("0", 0.0), ("120", 120.0), ("-5", 0.0), ("soon", 0.0), ("9" * 30, 86_400.0),
        ("Tue, 24 Nov 2026 12:01:30 GMT", 90.0), ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:01:30", 0.0), (f"Tue, {'9' * 20} Nov 2026 12:01:30 GMT", 0.0),
    ],
)  # fmt: skip
def test_retry_after(told: str, seconds: float) -> None:
    assert HttpResponse(429, {"retry-after": told}).retry_after(NOW) == seconds


@pytest.mark.parametrize(
    ("date", "ahead", "seconds"),
    [
        ("Tue, 24 Nov 2026 11:50:00 GMT", 600.0, 660.0),
        ("Tue, 24 Nov 2026 12:10:00 GMT", -600.0, 0.0),
        ("Tue, 24 Nov 2026 12:00:00", 0.0, 60.0),
        ("now", 0.0, 60.0),
    ],
)
def test_a_date_is_one_of_the_server_s_clock(date: str, ahead: float, seconds: float) -> None:
    named = {"retry-after": "Tue, 24 Nov 2026 12:01:00 GMT", "date": date}
    response = HttpResponse(503, named)
    assert (response.clock_ahead(NOW), response.retry_after(NOW)) == (ahead, seconds)
