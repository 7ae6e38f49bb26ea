"""Ids of messages, which no other process or start repeats."""

import itertools
import secrets
import time
from collections.abc import Callable

from gatepost.config.settings import Configuration


def ids_of(config: Configuration, usual: Callable[[], str]) -> Callable[[], str]:
    """Return the source of ids by a configuration; ``usual`` is that of the process."""
    emulation = config.emulation
    if emulation is not None and emulation.profile.server.message_ids == "guid":
        return make_guids()
    return usual


def make_ids(epoch: int) -> Callable[[], str]:
    """Return a source of ids ``EPOCH-N``: no clock that steps back can repeat one."""
    numbers = itertools.count(1)
    return lambda: f"{epoch}-{next(numbers)}"


def make_guids() -> Callable[[], str]:
    """Return a source of ids that are GUIDs (RFC 9562 5.7, UUIDv7).

    They begin with the time, so that a store's index grows at its end; the rest is random at the
    start of a process, and then counted.
    """
    version, variant, bits = 0x7 << 12, 0b10 << 62, (1 << 62) - 1
    chance = f"{version | secrets.randbits(12):04x}"
    numbers = itertools.count(secrets.randbits(62))

    def make() -> str:
        moment = f"{time.time_ns() // 1_000_000:012x}"
        counted = f"{variant | next(numbers) & bits:016x}"
        return f"{moment[:8]}-{moment[8:]}-{chance}-{counted[:4]}-{counted[4:]}"

    return make
