"""How long and how much a store keeps."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gatepost.model.units import MIB

OPERATIONS_KEPT: Final = timedelta(hours=24)
"""Minimum time for which a send operation can be queried, whatever happens to its message."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much captured mail is kept; beyond any of these limits the oldest is deleted."""

    age: timedelta = timedelta(days=30)
    messages: int = 100_000
    octets: int = 10_000 * MIB


@dataclass(frozen=True, slots=True)
class History:
    """How long the results of delivered mail are kept; its body is not."""

    age: timedelta = timedelta(days=7)
    messages: int = 100_000
