"""Slow clients of the HTTP APIs: each delays itself alone."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import Emulator
from tests.shell.test_email_http import (
    MIB,
    TARGET,
    WEB,
    ask,
    document,
    headers_of,
    key_of,
    place,
)

ONE = ["127.0.0.1"] * 64
MANY = [f"127.0.0.{number}" for number in range(2, 66)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slow") / "data"


@pytest.fixture(scope="module")
def key(data: Path) -> str:
    return key_of(data)


@pytest.fixture(scope="module")
def relay(data: Path, key: str) -> Iterator[Emulator]:
    with Emulator(data=data, options=WEB) as relay:
        yield relay


def begin(relay: Emulator, headers: dict[str, str], source: str, sent: bytes) -> socket.socket:
    """Send a header, and the beginning of a body."""
    host, port = place(relay)
    lines = [f"POST {TARGET} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()]]
    connection = socket.create_connection((host, port), 10, (source, 0))
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + sent)
    return connection


def signed(relay: Emulator, key: str, length: int, **more: str) -> dict[str, str]:
    host, port = place(relay)
    return headers_of(key, f"{host}:{port}", b"x") | {"Content-Length": str(length)} | more


@pytest.mark.parametrize("sources", [ONE, MANY], ids=["one address", "many addresses"])
@pytest.mark.parametrize("chunked", [False, True])
def test_slow_requests_do_not_delay_a_large_one(
    relay: Emulator, key: str, sources: list[str], chunked: bool
) -> None:
    headers, body = signed(relay, key, 9 * MIB), b" " * 300_000
    if chunked:
        del headers["Content-Length"]
        headers["Transfer-Encoding"] = "chunked"
        body = b"%x\r\n%b\r\n" % (len(body), body)
    large = document(relay)
    large += b" " * (9 * MIB - len(large))
    with ExitStack() as stack:
        for source in sources:
            stack.enter_context(begin(relay, headers, source, body))
        began = time.monotonic()
        assert ask(relay, key, large)[0] == 202
        assert time.monotonic() - began < 20, "it waited for others"


NAMES = "x-ms-date;host;x-ms-content-sha256"
WRONG: list[dict[str, str]] = [
    {"Authorization": f"HMAC-SHA256 SignedHeaders={NAMES}&Signature=AAAA"},
    {"Authorization": "HMAC-SHA256 nonsense"},
    {"Authorization": "Bearer nonsense"},
    {"x-ms-date": "Fri, 01 Jan 2021 00:00:00 GMT"},
]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("sent", [b"", b" " * 300_000])
def test_wrong_credentials_are_refused_before_the_body(
    relay: Emulator, key: str, wrong: dict[str, str], sent: bytes
) -> None:
    headers = signed(relay, key, 9 * MIB, **wrong)
    with begin(relay, headers, "127.0.0.1", sent) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("how", ["close", "keep-alive"])
def test_a_refused_client_may_send_its_whole_body_first(
    relay: Emulator, key: str, how: str
) -> None:
    """Many clients read the response only then; a reset connection would discard it."""
    headers = signed(relay, key, 9 * MIB, Connection=how, Authorization="Bearer nonsense")
    with begin(relay, headers, "127.0.0.1", b"") as connection:
        for _ in range(9):
            connection.sendall(b" " * MIB)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
        if how == "keep-alive":
            connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert b"HTTP/1.1 200 " in read_until(connection, b'"ok"')


def read_until(connection: socket.socket, end: bytes) -> bytes:
    found = b""
    while end not in found and (more := connection.recv(65_536)):
        found += more
    return found


def test_a_body_that_was_not_signed_is_refused(relay: Emulator, key: str) -> None:
    headers: dict[str, Any] = signed(relay, key, 2)
    with begin(relay, headers, "127.0.0.1", b"{}") as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
