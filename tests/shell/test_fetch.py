"""HTTP with the standard library, on loopback: certificates, proxies, bad servers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gatepost.errors import (
    ConnectError,
    Disconnected,
    LocalProtocolError,
    NetworkError,
    RemoteProtocolError,
    TimedOut,
    TlsError,
)
from gatepost.net.blocking_http import Fetcher
from gatepost.net.http_client import MAX_BODY, HttpRequest
from tests.certificates import Authority, Pair
from tests.shell.http_server import Asked, HttpServer, Told

SECRET = "s3cr3t~Value"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def hello(_asked: Asked) -> Told:
    return Told(418, b'{"a": 1}', {"X-Told": "yes"})


def test_a_request_and_its_answer(pair: Pair, authority: Authority) -> None:
    with HttpServer(hello, pair) as server:
        request = HttpRequest("POST", f"{server.url}/a?b=c", {"x-mine": "1"}, b"body")
        response = Fetcher(ca_file=authority.ca_file).ask(request)
    assert (response.status, response.headers["x-told"], response.body) == (418, "yes", b'{"a": 1}')
    [asked] = server.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/a?b=c", b"body")
    assert asked.headers["host"] == server.url.removeprefix("https://")
    assert asked.headers["x-mine"] == "1"


def test_a_name_below_localhost_is_this_machine(authority: Authority) -> None:
    """This needs no DNS (RFC 6761 6.3); the certificate must be for that name."""
    with HttpServer(hello, authority.issue("acs-demo.communication.localhost")) as server:
        port = server.url.rpartition(":")[2]
        url = f"https://acs-demo.communication.localhost:{port}/"
        Fetcher(ca_file=authority.ca_file).ask(HttpRequest("GET", url))
        assert server.asked[0].headers["host"] == f"acs-demo.communication.localhost:{port}"
        with pytest.raises(TlsError, match="not accepted"):
            Fetcher(ca_file=authority.ca_file).ask(HttpRequest("GET", server.url))


def test_an_untrusted_certificate(pair: Pair) -> None:
    with HttpServer(hello, pair) as server:
        with pytest.raises(TlsError, match="certificate not accepted") as caught:
            Fetcher().ask(HttpRequest("POST", server.url, body=SECRET.encode()))
        assert server.asked == []
    assert caught.value.phase == "tls"


def test_a_ca_file_that_is_none() -> None:
    with pytest.raises(TlsError, match="CA file"):
        Fetcher(ca_file=__file__)


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "ftp://localhost/", "https:///x", "nothing"])
def test_urls_that_must_not_be_fetched(url: str) -> None:
    with pytest.raises(LocalProtocolError):
        Fetcher().ask(HttpRequest("GET", url))


def test_a_redirection_is_an_answer(pair: Pair, authority: Authority) -> None:
    there = Told(302, b"", {"location": "https://elsewhere.example/"})
    with HttpServer(lambda _: there, pair) as server:
        response = Fetcher(ca_file=authority.ca_file).ask(HttpRequest("GET", server.url))
    assert response.status == 302


# fmt: off
ANSWERS = [
    (b"",                                                     Disconnected),
    (b"HTTP/1.1 abc\r\n\r\n",                                 RemoteProtocolError),
    (b"220 mail.example.com ESMTP\r\n",                       RemoteProtocolError),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",    RemoteProtocolError),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_BODY + 1),    RemoteProtocolError),
    (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",    RemoteProtocolError),
]
# fmt: on


@contextmanager
def saying(octets: bytes | None) -> Iterator[int]:
    """Yield a server that sends this to every client, and disconnects; None: it sends nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        connected, _ = listener.accept()
        with connected:
            connected.recv(65_536)
            if octets is None:
                done.wait(30)
            else:
                connected.sendall(octets)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        done.set()
        thread.join(10)
        listener.close()


@pytest.mark.parametrize(("octets", "kind"), ANSWERS, ids=lambda each: str(each)[:30])
def test_malformed_answers_raise_without_showing_the_secret(
    octets: bytes, kind: type[Exception]
) -> None:
    with saying(octets) as port:
        url = f"http://127.0.0.1:{port}/{SECRET}"
        request = HttpRequest("POST", url, {"authorization": SECRET}, SECRET.encode())
        with pytest.raises((kind, NetworkError)) as caught:
            Fetcher().ask(request)
    assert SECRET not in str(caught.value)


def test_silence() -> None:
    with saying(None) as port, pytest.raises(TimedOut):
        Fetcher(timeout=0.1).ask(HttpRequest("GET", f"http://127.0.0.1:{port}/"))


def test_a_closed_port_is_a_connect_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectError):
        Fetcher().ask(HttpRequest("GET", f"http://127.0.0.1:{port}/"))


def test_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    with saying(refusal) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:{SECRET}@127.0.0.1:{port}")
        with pytest.raises(ConnectError, match="the proxy") as caught:
            Fetcher().ask(HttpRequest("GET", "https://login.example/"))
    assert SECRET not in str(caught.value)


def test_a_proxy_is_not_for_this_machine(
    pair: Pair, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with HttpServer(hello, pair) as server:
        fetcher = Fetcher(ca_file=authority.ca_file)
        assert fetcher.ask(HttpRequest("GET", server.url)).status == 418
