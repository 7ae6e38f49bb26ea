"""Look-ups that wait for their turn, and are cancelled."""

import asyncio

from gatepost.net.lookup_line import QUICK, LookupLine


def test_many_that_are_cancelled_together_leave_their_places() -> None:
    """Those in progress pass their places on to others that are cancelled, too."""

    async def main() -> None:
        line, never = LookupLine(), asyncio.Event()
        tasks = [asyncio.create_task(line.run(never.wait)) for _ in range(2 * QUICK)]
        await asyncio.sleep(0)
        for each in tasks:
            each.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in ends} == {asyncio.CancelledError}
        never.set()
        assert await asyncio.gather(*[line.run(never.wait) for _ in range(2 * QUICK)])

    asyncio.run(main())
