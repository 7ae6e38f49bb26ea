"""Steps that are taken side by side, as a reload and a stop do."""

import asyncio

import pytest

from gatepost.app.runtime import side_by_side
from gatepost.errors import GatepostError


async def fail() -> None:
    raise GatepostError("a front process did not start")


def test_a_step_that_fails_does_not_keep_the_other_from_its_end() -> None:
    async def main() -> None:
        other = asyncio.Event()

        async def go_on() -> None:
            await asyncio.sleep(0)
            other.set()

        with pytest.raises(GatepostError, match="did not start"):
            await side_by_side(go_on(), fail())
        assert other.is_set()

    asyncio.run(main())


def test_who_is_cancelled_takes_no_further_step() -> None:
    async def main() -> None:
        ended: list[str] = []

        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")

        both = asyncio.create_task(side_by_side(wait(), wait()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        both.cancel()
        with pytest.raises(asyncio.CancelledError):
            await both
        assert ended == ["cancelled"] * 2

    asyncio.run(main())
