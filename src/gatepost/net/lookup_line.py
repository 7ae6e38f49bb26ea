"""Bounds the look-ups of names that are in progress, so that slow ones delay no others."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

QUICK: Final = 64
"""Look-ups at once, without slow ones."""
PATIENCE: Final = 1.0
"""Seconds after which a look-up is slow, and makes room for another one."""
SLOW: Final = 512
"""Slow look-ups at once; each has a socket or a thread."""
LONGEST: Final = 2_000
"""Look-ups that may wait."""


class LookupLine:
    """Look-ups in progress, and others that wait for their turn.

    The newest and the oldest one have turns alternately: with more than can be done soon, the
    oldest ones cannot be helped in time, and new mail should not wait behind them.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._quick = self._slow = 0
        self._is_newest_next = True

    @property
    def is_full(self) -> bool:
        """Whether no more look-ups may wait."""
        return len(self._waiting) >= LONGEST

    async def run(self, look_up: Callable[[], Awaitable[T]]) -> T:
        """Return the result of ``look_up``, which is called when it has its turn."""
        await self._turn()
        task = asyncio.ensure_future(look_up())
        is_slow = False
        try:
            await asyncio.wait([task], timeout=PATIENCE)
            if not task.done() and self._slow < SLOW:
                is_slow = True
                self._slow += 1
                self._leave()
            return await task
        finally:
            task.cancel()  # which does nothing to one that is done
            if is_slow:
                self._slow -= 1
            else:
                self._leave()

    async def _turn(self) -> None:
        if self._quick < QUICK:
            self._quick += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            else:
                self._waiting.remove(turn)
            raise

    def _leave(self) -> None:
        """Pass the turn on."""
        while self._waiting:
            turn = self._waiting.pop() if self._is_newest_next else self._waiting.popleft()
            self._is_newest_next = not self._is_newest_next
            if not turn.done():
                turn.set_result(None)
                return
        self._quick -= 1
