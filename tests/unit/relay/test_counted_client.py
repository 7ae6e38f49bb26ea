"""A counted client is uncounted once, whenever the answer comes and the client leaves."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gatepost.model.value_or_future import Later, When
from gatepost.relay.counted_client import CountedClient


def unless_closing(is_closing: bool) -> When:
    """As a receiver does: nobody is told of an answer on a stream that closes."""

    def when(answer: Later[Any], then: Callable[[Any], None]) -> None:
        if isinstance(answer, asyncio.Future) and not is_closing:
            answer.add_done_callback(lambda done: then(done.result()))

    return when


@pytest.mark.parametrize("admitted", [True, False])
@pytest.mark.parametrize("is_closing", [True, False])
@pytest.mark.parametrize("goes_first", [True, False])
def test_a_counted_client_is_uncounted(admitted: bool, is_closing: bool, goes_first: bool) -> None:
    async def main() -> None:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        left: list[None] = []
        visit = CountedClient(bool, lambda: left.append(None))
        visit.begin(answer, unless_closing(is_closing), lambda _admitted: None)
        if goes_first:
            visit.end()
        answer.set_result(admitted)
        await asyncio.sleep(0)
        visit.end()
        visit.end()
        assert len(left) == admitted

    asyncio.run(main())
