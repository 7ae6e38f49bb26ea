"""The times of checks. Random numbers are arguments."""

from typing import Final

SOON: Final = 5.0
"""Seconds over which the first checks after a start are spread."""


def first_after(interval: float, jitter: float, chance: float) -> float:
    """Return the seconds until the first check; ``chance`` is from 0 to 1."""
    return min(interval, SOON) * jitter * chance


def next_after(interval: float, jitter: float, chance: float) -> float:
    """Return the seconds until the next check: the interval, changed by up to ``jitter`` of it, so
    that many watchers do not connect in the same second."""
    return interval * (1 + jitter * (2 * chance - 1))
