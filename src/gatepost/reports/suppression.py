"""Whom nothing is sent to: the provider's managed list, and the customers' own lists.

Source: Microsoft Learn, "Understanding suppression lists and email bounces" (managed list) and
"Manage domain suppression lists" (customers' lists) of Azure Communication Services.
"""

from datetime import datetime, timedelta
from typing import Final

from gatepost.model.suppression import SuppressedPeriod

LEASES: Final = tuple(timedelta(hours=hours) for hours in (24, 48, 96, 168, 336))
"""How long an address is listed after its bounce, and after each send within a lease."""

WHOLE_DOMAIN: Final = ""
"""The name of a customer's list that holds for every sender of its domain."""


def fold(address: str) -> str:
    """Return the spelling under which addresses are compared: neither part's case matters."""
    return address.lower()


def is_in_force(lease: SuppressedPeriod | None, now: datetime) -> bool:
    """Tell whether the address of ``lease`` is listed at ``now``."""
    return lease is not None and lease.since <= now < lease.until


def after_bounce(lease: SuppressedPeriod | None, address: str, now: datetime) -> SuppressedPeriod:
    """Return the lease after a hard bounce at ``now``.

    Nothing is sent within a lease, so a bounce in one is of mail that was on its way before it;
    it changes nothing. After a lease without a send the cycle starts anew.
    """
    if lease is not None and is_in_force(lease, now):
        return lease
    return SuppressedPeriod(fold(address), 0, now, now + LEASES[0])


def after_send(lease: SuppressedPeriod, now: datetime) -> SuppressedPeriod:
    """Return the lease after a send at ``now``, which is within it: the next longer one.

    It counts from that send, and is not shortened by one.
    """
    level = min(lease.level + 1, len(LEASES) - 1)
    return SuppressedPeriod(
        lease.address, level, lease.since, max(lease.until, now + LEASES[level])
    )


def is_for_sender(list_name: str, username: str) -> bool:
    """Tell whether a customer's list keeps mail of a sender; ``username`` is its local part.

    A list holds for the sender of its name, one without a name for the whole domain.
    """
    return list_name == WHOLE_DOMAIN or fold(list_name) == fold(username)
