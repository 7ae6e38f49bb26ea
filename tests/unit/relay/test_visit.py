"""Who was counted is uncounted once, whenever the answer comes and the client goes."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gatepost.model.later import Later
from gatepost.relay.authenticate import When
from gatepost.relay.visit import Visit


class Elsewhere:
    """Visitors that another process counts."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.left = 0

    def enter(self, _address: str) -> "asyncio.Future[bool]":
        return self.answer

    def leave(self, _address: str) -> None:
        self.left += 1

    def delay(self, _address: str) -> float:
        return 0.0


def unless_closing(is_closing: bool) -> When:
    """As a receiver does: nobody is told of an answer on a stream that closes."""

    def when(answer: Later[Any], then: Callable[[Any], None]) -> None:
        if isinstance(answer, asyncio.Future) and not is_closing:
            answer.add_done_callback(lambda done: then(done.result()))

    return when


@pytest.mark.parametrize("admitted", [True, False])
@pytest.mark.parametrize("is_closing", [True, False])
@pytest.mark.parametrize("goes_first", [True, False])
def test_who_was_counted_is_uncounted(admitted: bool, is_closing: bool, goes_first: bool) -> None:
    async def main() -> None:
        visitors = Elsewhere()
        visit = Visit(visitors, "192.0.2.1")
        visit.begin(unless_closing(is_closing), lambda _admitted: None)
        if goes_first:
            visit.end()
        visitors.answer.set_result(admitted)
        await asyncio.sleep(0)
        if not goes_first:
            visit.end()
        assert visitors.left == admitted

    asyncio.run(main())
