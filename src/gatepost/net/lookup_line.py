"""Bounds the look-ups of names that are in progress, so that slow ones delay no others."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from gatepost.errors import TimedOut

T = TypeVar("T")

QUICK: Final = 128
"""Look-ups at once, without slow ones."""
PATIENCE: Final = 0.5
"""Seconds after which a look-up is slow, and makes room for another one."""
MOST: Final = 800
"""Look-ups at once; each has a socket or a thread."""
EXPENDABLE: Final = 3.0
"""Seconds after which a look-up is given up if others wait and there is no room for more."""
LONGEST: Final = 2_000
"""Look-ups that may wait."""


class LookupLine:
    """Look-ups in progress, and others that wait for their turn.

    The newest and the oldest one have turns alternately: with more than can be done soon, the
    oldest ones cannot be helped in time, and new mail should not wait behind them.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._places = self._quick = 0
        """Look-ups that have had their turn, and those of them that are not slow."""
        self._slow: dict[asyncio.Future[Any], float] = {}
        """When each slow one may be given up, oldest first."""
        self._is_newest_next = True

    @property
    def is_full(self) -> bool:
        """Whether no more look-ups may wait."""
        return len(self._waiting) >= LONGEST

    async def run(self, look_up: Callable[[], Awaitable[T]]) -> T:
        """Return the result of ``look_up``, which is called when it has its turn.

        Raises TimedOut if it was given up, because it was slow and others waited.
        """
        await self._turn()
        task = asyncio.ensure_future(look_up())
        is_quick = True
        try:
            await asyncio.wait([task], timeout=PATIENCE)
            is_quick = False
            self._quick -= 1
            if not task.done():
                self._slow[task] = asyncio.get_running_loop().time() + EXPENDABLE - PATIENCE
                self._pass_on()
                await asyncio.wait([task], timeout=EXPENDABLE - PATIENCE)
                self._pass_on()
                await asyncio.wait([task])
            if task.cancelled():
                raise TimedOut(f"no answer in {EXPENDABLE:.0f} seconds, and others waited")
            return task.result()
        finally:
            task.cancel()  # no effect on one that is done
            self._slow.pop(task, None)
            self._quick -= is_quick
            self._places -= 1
            self._pass_on()

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._pass_on()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._quick -= 1
                self._places -= 1
                self._pass_on()
            elif turn in self._waiting:  # else it was skipped
                self._waiting.remove(turn)
            raise

    def _pass_on(self) -> None:
        """Give turns to those that wait, as far as there is room."""
        while self._waiting and self._quick < QUICK:
            if self._places >= MOST:
                self._give_up_one()
                return
            turn = self._waiting.pop() if self._is_newest_next else self._waiting.popleft()
            self._is_newest_next = not self._is_newest_next
            if not turn.done():
                self._quick += 1
                self._places += 1
                turn.set_result(None)

    def _give_up_one(self) -> None:
        """End the oldest slow look-up, if it is old enough; its turn goes to another one."""
        for task, expendable_at in self._slow.items():
            if asyncio.get_running_loop().time() >= expendable_at:
                del self._slow[task]
                task.cancel()
            return
