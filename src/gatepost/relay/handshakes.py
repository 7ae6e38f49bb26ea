"""TLS handshakes before a greeting, by address: until one is done nobody else counts its client."""

from collections import Counter

from gatepost.policy.networks import counted_as


class Handshakes:
    """Those that are open in this process."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def enter(self, address: str, most: int | None) -> bool:
        """Count one more of an address; False when it has its fill."""
        key = counted_as(address)
        if most is not None and self._open[key] >= most:
            return False
        self._open[key] += 1
        return True

    def leave(self, address: str) -> None:
        """One that was counted is over."""
        key = counted_as(address)
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
