"""Lets old mail give way to new mail while clients keep the event loop busy.

A queue of which all is due at once, as after ``queue retry --all``, would otherwise take most of
the processor, and clients would wait. While they send mail, it is leased more slowly.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from gatepost.model.delivery import Lease

OLD: Final = timedelta(minutes=1)
"""Age from which mail gives way. Newer mail would otherwise pile up while it is accepted faster
than it is delivered."""
RECENT: Final = 0.2
"""Seconds after a message was accepted for which more are expected."""
TURNS: Final = 20
"""Turns of the event loop for each delivery of old mail; an idle one takes some microseconds."""
SAMPLE: Final = 8
"""Turns that are measured."""
LONGEST: Final = 0.5
"""Maximum seconds that new mail in the store waits because of old mail."""
FEW: Final = 50
"""Deliveries that are leased together while clients send mail."""


class GivingWay:
    """Slows down the leasing of old mail."""

    def __init__(self) -> None:
        self._accepted = float("-inf")

    def note_accepted(self) -> None:
        """Note that a client's message was accepted."""
        self._accepted = asyncio.get_running_loop().time()

    @property
    def is_needed(self) -> bool:
        """Whether clients send mail."""
        return asyncio.get_running_loop().time() - self._accepted <= RECENT

    async def wait_after(self, leases: Iterable[Lease], now: datetime) -> None:
        """Wait after some deliveries were leased, for as long as new mail needs."""
        old = sum([now - each.message.received_at >= OLD for each in leases])
        if not (old and self.is_needed):
            return
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(SAMPLE):
            await asyncio.sleep(0)
        turn = (loop.time() - begun) / SAMPLE
        await asyncio.sleep(min(LONGEST, old * TURNS * turn))
