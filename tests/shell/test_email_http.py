"""The e-mail data plane on real sockets: large bodies, kills, front processes."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gatepost.testing import Emulator

WEB = ("--https", "off", "--http", "127.0.0.1:0", "--set", "api.running=0")
TARGET = "/emails:send?api-version=2025-09-01"
MIB = 1024 * 1024


def place(relay: Emulator) -> tuple[str, int]:
    host, _, port = relay.ready["http"]["url"].rpartition("/")[2].rpartition(":")
    return host, int(port)


def key_of(data: Path) -> str:
    """Return an access key of the resource; only a relay with HTTPS prints it."""
    with Emulator(data=data, options=("--https", "127.0.0.1:0", "--http", "off")) as relay:
        return str(relay.ready["connection_string"]).partition("accesskey=")[2]


def headers_of(key: str, host: str, body: bytes, method: str = "POST", target: str = TARGET,
               ) -> dict[str, str]:  # fmt: skip
    content_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
    date = format_datetime(datetime.now(UTC), usegmt=True)
    text = f"{method}\n{target}\n{date};{host};{content_hash}"
    signature = hmac.digest(base64.b64decode(key), text.encode(), "sha256")
    return {
        "Host": host,
        "Content-Type": "application/json",
        "x-ms-date": date,
        "x-ms-content-sha256": content_hash,
        "Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
        + base64.b64encode(signature).decode(),
    }


def ask(
    relay: Emulator, key: str, body: bytes, method: str = "POST", target: str = TARGET, **more: str
) -> tuple[int, Any]:
    host, port = place(relay)
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        headers = headers_of(key, f"{host}:{port}", body, method, target) | more
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def document(relay: Emulator, text: str = "x") -> bytes:
    return json.dumps(
        {
            "senderAddress": relay.sender,
            "content": {"subject": "s", "plainText": text},
            "recipients": {"to": [{"address": "ann@example.net"}]},
        }
    ).encode()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("email") / "data"


@pytest.fixture(scope="module")
def key(data: Path) -> str:
    return key_of(data)


@pytest.fixture(scope="module")
def relay(data: Path, key: str) -> Any:
    with Emulator(data=data, options=WEB) as relay:
        yield relay


def test_a_request_may_have_ten_megabytes(relay: Emulator, key: str) -> None:
    body = document(relay)
    padding = b" " * (10 * MIB - len(body))
    assert ask(relay, key, body + padding)[0] == 202
    status, answer = ask(relay, key, body + padding + b" ")
    assert (status, answer["error"]["code"]) == (413, "RequestEntityTooLarge")


def test_a_client_that_asks_first_sends_nothing(relay: Emulator, key: str) -> None:
    """RFC 9110 10.1.1: the refusal comes in place of 100."""
    host, port = place(relay)
    headers = headers_of(key, f"{host}:{port}", b"")
    headers |= {"Content-Length": str(11 * MIB), "Expect": "100-continue"}
    lines = [f"POST {TARGET} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()]]
    with socket.create_connection((host, port), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_bounce_counts_from_the_next_request_on(relay: Emulator, key: str) -> None:
    """Contract 7.1: even if it comes immediately after the one that bounced."""
    bounces = document(relay).replace(b"ann@example.net", b"bounced+soon@outcome.gatepost.test")
    codes = []
    for _ in range(3):
        status, answer = ask(relay, key, bounces)
        assert status == 202
        target = f"/emails/operations/{answer['id']}?api-version=2025-09-01"
        _, ended = ask(relay, key, b"", "GET", target)
        codes.append((ended["status"], (ended["error"] or {}).get("code", "")))
    suppressed = ("Failed", "EmailDroppedAllRecipientsSuppressed")
    assert codes == [("Succeeded", ""), suppressed, suppressed]


def test_a_chunked_body_is_counted_and_refused_over_the_limit(relay: Emulator, key: str) -> None:
    """A body without a length: read no more than the answer needs."""
    host, port = place(relay)
    connection = http.client.HTTPConnection(host, port, timeout=30)
    chunks = (b" " * MIB for _ in range(12))
    headers = headers_of(key, f"{host}:{port}", b"") | {"Transfer-Encoding": "chunked"}
    connection.request("POST", TARGET, chunks, headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_an_early_refusal_reaches_a_client_that_is_still_sending(relay: Emulator) -> None:
    host, port = place(relay)
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request("POST", TARGET, b" " * 9 * MIB, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 401
    connection.close()


def test_a_client_cannot_say_where_it_comes_from(relay: Emulator, key: str) -> None:
    """There is no proxy in front of us: a client could forge trace and addresses with its
    fields."""
    host, port = place(relay)
    id_, body = str(uuid4()), document(relay)
    headers = headers_of(key, f"{host}:{port}", body) | {
        "Operation-Id": id_,
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
    }
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request("POST", TARGET, body, headers)
    response = connection.getresponse()
    assert str(response.headers["operation-location"]).startswith(f"http://{host}:{port}/")
    connection.close()
    deadline = time.monotonic() + 30
    while not (told := [each for each in relay.events("accepted") if each["id"] == id_]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [each["peer"] for each in told] == ["127.0.0.1"]


@pytest.mark.parametrize("workers", [0, 1])
def test_accepted_messages_survive_a_kill(tmp_path: Path, workers: int) -> None:
    data = tmp_path / "data"
    key = key_of(data)
    sent = {}
    relay = Emulator(data=data, options=WEB, workers=workers)
    for size in (10, 300_000):
        id_ = str(uuid4())
        body = document(relay, "x" * size)
        status, answer = ask(relay, key, body, **{"Operation-Id": id_})
        assert (status, answer["id"]) == (202, id_)
        sent[id_] = body
    relay.kill()
    with Emulator(data=data, options=WEB) as again:
        assert {each.id for each in again.messages()} == sent.keys()
        for id_, body in sent.items():
            target = f"/emails/operations/{id_}?api-version=2025-09-01"
            status, answer = ask(again, key, b"", "GET", target)
            assert (status, answer["status"]) == (200, "Succeeded")
            assert ask(again, key, body, **{"Operation-Id": id_})[0] == 202
            assert ask(again, key, body + b" ", **{"Operation-Id": id_})[0] == 409
        assert again.count() == 2
