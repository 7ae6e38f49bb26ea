"""When to look again. Chance is an argument."""

from typing import Final

SOON: Final = 5.0
"""Seconds over which the first looks after a start are spread."""


def first_after(interval: float, jitter: float, chance: float) -> float:
    """Return the seconds until the first look; ``chance`` is from 0 to 1."""
    return min(interval, SOON) * jitter * chance


def next_after(interval: float, jitter: float, chance: float) -> float:
    """Return the seconds until the next look: the interval, and up to ``jitter`` of it more or
    less, so that many watchers do not knock at the same second."""
    return interval * (1 + jitter * (2 * chance - 1))
