"""The listener for the browser that comes back from a sign-in."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from gatepost.errors import TimedOut
from gatepost.net.redirect_listener import RedirectListener, listen_for_redirect

STATE = "s1"


async def ask(redirect: RedirectListener, line: bytes) -> bytes:
    """Return the status line that answers a request; empty: none does."""
    reader, writer = await asyncio.open_connection("localhost", redirect.port)
    answer = b""
    with suppress(ConnectionError):  # it closes before it has read everything
        writer.write(line)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer.partition(b"\r\n")[0]


def serve(*lines: bytes) -> tuple[list[bytes], Mapping[str, str] | None, list[Any]]:
    """Send requests one after the other; return the status lines, what was received, and what
    nobody has caught."""

    async def steps() -> tuple[list[bytes], Mapping[str, str] | None, list[Any]]:
        uncaught: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: uncaught.append(context))
        state = loop.create_future()
        state.set_result(STATE)
        async with listen_for_redirect(state) as redirect:
            answers = [await ask(redirect, each) for each in lines]
            try:
                received = await redirect.wait(0.0)
            except TimedOut:
                received = None
        return answers, received, uncaught

    return asyncio.run(asyncio.wait_for(steps(), 60))


def test_the_redirection_is_received() -> None:
    answers, received, uncaught = serve(b"GET /?state=s1&code=c%2F1 HTTP/1.1\r\n")
    assert answers == [b"HTTP/1.1 200 OK"]
    assert received == {"state": "s1", "code": "c/1"}
    assert uncaught == []


@pytest.mark.parametrize(
    "line",
    [
        b"GET /favicon.ico HTTP/1.1\r\n",
        b"GET /?state=other&code=c HTTP/1.1\r\n",
        b"POST /?state=s1&code=c HTTP/1.1\r\n",
        b"GET //[ HTTP/1.1\r\n",
        b"GET /?" + b"&".join([b"state=s1"] * 40) + b" HTTP/1.1\r\n",
        b"\n",
        b"\xff\x00\r\n",
    ],
)
def test_anything_else_is_not_found(line: bytes) -> None:
    """Whoever knows the port may send it."""
    assert serve(line) == ([b"HTTP/1.1 404 Not Found"], None, [])


@pytest.mark.parametrize("line", [b"", b"GET /", b"x" * 40_000])
def test_what_is_no_request_gets_no_answer(line: bytes) -> None:
    _, received, uncaught = serve(line)
    assert (received, uncaught) == (None, [])
