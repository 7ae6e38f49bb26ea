"""Names are looked up outside of the loop, and a stop does not wait for an answer."""

import asyncio
import socket
import threading

import pytest

from gatepost.errors import ResolveError, TimedOut
from gatepost.net.dial import Server, resolve
from gatepost.net.names import find_endpoints

LOCAL = Server("localhost", 25)


def test_a_name_and_an_address() -> None:
    for server in (LOCAL, Server("127.0.0.1", 25), Server("::1", 25)):
        assert asyncio.run(find_endpoints(server, 5)) == resolve(server)


def test_a_name_that_is_none() -> None:
    with pytest.raises(ResolveError) as caught:
        asyncio.run(find_endpoints(Server("no..name", 25), 5))
    assert caught.value.phase == "resolve"


def test_a_silent_name_service_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def wait(*_: object, **__: object) -> list[object]:
        answered.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    try:
        with pytest.raises(TimedOut) as caught:
            asyncio.run(asyncio.wait_for(find_endpoints(LOCAL, 0.01), 10))
        assert caught.value.phase == "resolve"
        assert not answered.is_set(), "the loop has ended before the name service answered"
    finally:
        answered.set()
