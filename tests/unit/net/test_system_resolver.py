"""Names are looked up outside of the loop, and a stop does not wait for an answer."""

import asyncio
import socket
import threading

import pytest

from gatepost.errors import NetworkError, ResolveError, TimedOut
from gatepost.net.dial import Endpoint, Server, resolve
from gatepost.net.system_resolver import Names, find_endpoints

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
            asyncio.run(asyncio.wait_for(find_endpoints(LOCAL, 0.01), 60))
        assert caught.value.phase == "resolve"
        assert not answered.is_set(), "the loop has ended before the name service answered"
    finally:
        answered.set()


HUB = Server("hub.example", 25)
FOUND = (Endpoint(socket.AF_INET, ("192.0.2.1", 25)),)


class NameService:
    """A ``Find`` that answers as the test says, and counts the questions."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: NetworkError | None = None
        self.is_silent = False

    async def find(self, _server: Server, timeout: float) -> tuple[Endpoint, ...]:
        self.asked += 1
        if self.is_silent:
            await asyncio.sleep(timeout)
            raise TimedOut("no answer").at("resolve")
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return FOUND


def test_an_old_answer_is_used_while_the_name_service_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gatepost.net.system_resolver.RENEWAL", 0.01)
    service = NameService()

    async def act() -> None:
        names = Names(service.find)
        assert await names.find(HUB, 5) == FOUND
        service.is_silent = True
        for _ in range(100):
            assert await names.find(HUB, 5) == FOUND
        assert service.asked == 2, "again only after a while"

    asyncio.run(act())


def test_a_name_that_is_gone_is_not_used_any_more() -> None:
    service = NameService()

    async def act() -> None:
        names = Names(service.find)
        await names.find(HUB, 5)
        service.error = ResolveError("hub.example: no such name")
        service.error.__cause__ = socket.gaierror(socket.EAI_NONAME, "no such name")
        for _ in range(2):
            with pytest.raises(ResolveError):
                await names.find(HUB, 5)

    asyncio.run(act())


def test_many_connections_need_one_look_up() -> None:
    service = NameService()

    async def act() -> None:
        names = Names(service.find)
        assert await asyncio.gather(*[names.find(HUB, 5) for _ in range(50)]) == [FOUND] * 50
        assert service.asked == 1

    asyncio.run(act())


def test_thousands_of_silent_names_delay_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.net.lookup_line.PATIENCE", 0.01)
    silent, service = NameService(), NameService()
    silent.is_silent = True

    async def find(server: Server, timeout: float) -> tuple[Endpoint, ...]:
        return await (silent if server.host.startswith("hung") else service).find(server, timeout)

    async def act() -> None:
        names = Names(find)
        hung = [
            asyncio.create_task(names.find(Server(f"hung{number}.example"), 60))
            for number in range(2000)
        ]
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(names.find(HUB, 60), 60) == FOUND
        assert silent.asked < 2000, "it did not wait for all of them"
        for each in hung:
            each.cancel()

    asyncio.run(act())
