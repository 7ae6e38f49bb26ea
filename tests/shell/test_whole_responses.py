"""Responses that go out in one piece are those that h11 would have written, and keep its state."""

import asyncio
import re
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from gatepost.net.listen import listen
from gatepost.web.server import WebServer

PATIENCE = 60.0
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: b\r\n\r\nok"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\nx-a: b\r\n\r\nok"
LAST = b"GET /200 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
CLOSED = ANSWER.replace(b"x-a: b\r\n", b"x-a: b\r\nConnection: close\r\n")
DATE = re.compile(rb"(?:date|server): [^\r]*\r\n")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the status that the path names; the query spoils it."""
    await receive()
    fields = [(b"content-length", b"2"), (b"x-a", b"b")]
    body: dict[str, Any] = {"type": "http.response.body", "body": b"ok"}
    match scope["query_string"]:
        case b"injected":
            fields[1] = (b"x-a", b"b\r\nx-evil: 1")
        case b"short":
            body["body"] = b"o"
        case b"pieces":
            body |= {"body": b"o", "more_body": True}
        case b"unknown":
            del fields[0]
    status = int(scope["path"][1:])
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send(body)
    if body.get("more_body"):
        await send({"type": "http.response.body", "body": b"k"})


def answers(requests: bytes) -> bytes:
    """Return everything that the server writes to somebody who sends this at once."""

    async def ask() -> bytes:
        listener = listen("127.0.0.1", 0)
        server = WebServer(listener, application)
        await server.wait_started()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        try:
            writer.write(requests)
            async with asyncio.timeout(PATIENCE):
                return await reader.read()
        finally:
            writer.close()
            await server.stop()
            listener.close()

    return DATE.sub(b"", asyncio.run(ask()))


def request(target: str, method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nhost: a\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (request("/200"), ANSWER),
        (request("/202"), ACCEPTED),
        (request("/200") + request("/202") + request("/200"), ANSWER + ACCEPTED + ANSWER),
        (request("/200?pieces"), ANSWER),
        (request("/200", "HEAD"), ANSWER.removesuffix(b"ok")),
        (b"POST /200 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc", ANSWER),
    ],
)
def test_a_connection_goes_on(sent: bytes, answered: bytes) -> None:
    assert answers(sent + LAST) == answered + CLOSED


def test_an_old_client_gets_what_it_knows() -> None:
    assert b"connection: close" in answers(b"GET /200 HTTP/1.0\r\nhost: a\r\n\r\n").lower()


def test_a_response_without_a_length_is_chunked() -> None:
    assert b"\r\n\r\n2\r\nok\r\n0\r\n\r\n" in answers(request("/200?unknown") + LAST)


@pytest.mark.parametrize("query", ["injected", "short"])
def test_a_spoilt_response_ends_the_connection(query: str) -> None:
    octets = answers(request(f"/200?{query}") + LAST)
    assert b"x-evil" not in octets
    assert ANSWER not in octets
