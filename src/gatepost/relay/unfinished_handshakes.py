"""Counts unfinished TLS handshakes before a greeting, by address."""

from collections import Counter
from typing import Final

from gatepost.policy.networks import counted_as

TOO_MANY: Final = "its address has too many open handshakes"


class Handshakes:
    """The unfinished handshakes of this process; other counts begin after the handshake."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def try_enter(self, address: str, most: int | None) -> bool:
        """Count a handshake; False if its address has reached the limit."""
        key = counted_as(address)
        if most is not None and self._open[key] >= most:
            return False
        self._open[key] += 1
        return True

    def leave(self, address: str) -> None:
        """Uncount a handshake that has ended."""
        key = counted_as(address)
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
