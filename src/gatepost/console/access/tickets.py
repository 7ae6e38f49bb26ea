"""Tickets: links that sign in once, for the person at the terminal."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Final

LIFETIME: Final = 600.0
"""Seconds in which a ticket can be used."""
_MOST: Final = 100


class Tickets:
    """The tickets that are not used yet, as digests."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._ends: dict[bytes, float] = {}

    def issue(self) -> str:
        """Return a new ticket; beyond a number, the oldest become invalid."""
        ticket = secrets.token_urlsafe(32)
        self._ends[_digest(ticket)] = self._seconds() + LIFETIME
        while len(self._ends) > _MOST:
            del self._ends[next(iter(self._ends))]
        return ticket

    def try_use(self, ticket: str) -> bool:
        """Use a ticket up; False if it was used, has expired, or never was one."""
        end = self._ends.pop(_digest(ticket), None)
        return end is not None and self._seconds() < end


def _digest(ticket: str) -> bytes:
    """Return the key: looking up a digest takes no time that depends on the ticket."""
    return hashlib.sha256(ticket.encode()).digest()
