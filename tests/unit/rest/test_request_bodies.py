"""Bodies of requests: not too long, and not too slow."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from gatepost.relay.spool import Budget
from gatepost.rest.errors import ApiError
from gatepost.rest.request_bodies import SMALL, Intake
from tests.unit.rest.entra.asking import Asking

CASES = [
    # pieces, limit, what comes of it
    ([b"ab", b"c"], 3, b"abc"),
    ([], 3, b""),
    ([b"ab", b"cd"], 3, (413, "RequestContentTooLarge")),
    ([b"ab", None], 3, (408, "RequestTimeout")),
    ([None], 3, (408, "RequestTimeout")),
]


@pytest.mark.parametrize(("pieces", "limit", "expected"), CASES)
def test_a_body_has_its_limits(pieces: list[bytes | None], limit: int, expected: Any) -> None:
    coming = list(pieces)

    async def receive() -> dict[str, Any]:
        piece = coming.pop(0) if coming else b""
        if piece is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": bool(coming)}

    budget = Budget(Path())
    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    try:
        found: Any = asyncio.run(Intake(budget, patience=0.01).read(request, limit))
    except ApiError as error:
        found = error.status, error.code
    assert found == expected
    assert budget.used == 0


@pytest.mark.parametrize("other", ["192.0.2.2", "198.51.100.1"])
def test_an_address_with_many_large_requests_leaves_turns_to_others(other: str) -> None:
    async def act() -> None:
        intake, has_ended = Intake(Budget(Path())), asyncio.Event()
        processed: asyncio.Queue[str] = asyncio.Queue()

        async def post(address: str) -> None:
            coming = [bytes(SMALL), b"x"]

            async def receive() -> dict[str, Any]:
                piece = coming.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(coming)}

            scope = {"type": "http", "method": "POST", "headers": [], "client": (address, 1)}
            async with intake.turn(Request(scope, receive), 2 * SMALL):
                processed.put_nowait(address)
                await has_ended.wait()

        async with asyncio.timeout(60):
            many = [asyncio.create_task(post("192.0.2.1")) for _ in range(20)]
            assert {await processed.get() for _ in range(2)} == {"192.0.2.1"}
            one = asyncio.create_task(post(other))
            assert await processed.get() == other
            has_ended.set()
            await asyncio.gather(*many, one)
        assert processed.qsize() == 18

    asyncio.run(act())


class Refusing(Intake):
    """Receives no body."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self._status = status

    async def read(self, request: Request, limit: int, code: str = "") -> bytes:
        raise ApiError(self._status, "Refused", f"{request.method} {limit} {code}")


@pytest.mark.parametrize("status", [408, 413])
def test_the_token_endpoint_says_so_in_its_own_form(status: int) -> None:
    answered = Asking(intake=Refusing(status)).post({})
    assert (answered.status, answered.number) == (status, 90013)


def test_the_token_endpoint_lets_clients_try_again_if_it_has_no_room() -> None:
    assert Asking(intake=Refusing(503)).post({}).status == 503
