"""Lets the backlog give way to new mail while clients keep the event loop busy.

A queue of which all is due at once, as after ``queue retry --all``, would otherwise take most of
the processor, and clients would wait. While they send mail, it is leased more slowly.

New mail that is in the store only because there was no room for it in memory does not give way: it
would pile up while it is accepted faster than it is delivered.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from gatepost.model.delivery import Lease

OLD: Final = timedelta(minutes=1)
"""Age from which mail that was never tried gives way, too."""
RECENT: Final = 0.2
"""Seconds after a message was accepted for which more are expected."""
TURNS: Final = 20
"""Turns of the event loop for each delivery of the backlog; an idle one takes some microseconds."""
SAMPLE: Final = 8
"""Turns that are measured."""
LONGEST: Final = 0.5
"""Maximum seconds that new mail in the store waits because of the backlog."""
FEW: Final = 50
"""Deliveries that are leased together while clients send mail."""


class GivingWay:
    """Slows down the leasing of the backlog."""

    def __init__(self) -> None:
        self._accepted = float("-inf")
        self._released: datetime | None = None

    def note_accepted(self) -> None:
        """Note that a client's message was accepted."""
        self._accepted = asyncio.get_running_loop().time()

    def note_release(self, now: datetime) -> None:
        """Note that an operator makes due what was accepted until now."""
        self._released = now

    @property
    def is_needed(self) -> bool:
        """Whether clients send mail."""
        return asyncio.get_running_loop().time() - self._accepted <= RECENT

    async def wait_after(self, leases: Iterable[Lease], now: datetime) -> None:
        """Wait after some deliveries were leased, for as long as new mail needs."""
        count = sum([self._is_backlog(each, now) for each in leases])
        if not (count and self.is_needed):
            return
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(SAMPLE):
            await asyncio.sleep(0)
        turn = (loop.time() - begun) / SAMPLE
        await asyncio.sleep(min(LONGEST, count * TURNS * turn))

    def _is_backlog(self, lease: Lease, now: datetime) -> bool:
        received_at = lease.message.received_at
        if lease.delivery.attempts or now - received_at >= OLD:
            return True
        return self._released is not None and received_at <= self._released
