"""The addresses to which nothing is sent: the provider's managed list, and customers' own lists.

Source: Microsoft Learn, "Understanding suppression lists and email bounces" (managed list) and
"Manage domain suppression lists" (customers' lists) of Azure Communication Services.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from gatepost.model.report import SuppressedPeriod

PERIODS: Final = tuple(timedelta(hours=hours) for hours in (24, 48, 96, 168, 336))
"""How long an address is suppressed after its bounce, and after each send within that period."""

FOR_GOOD: Final = datetime(2999, 1, 1, tzinfo=UTC)
"""The end of a period that only a person ends."""

WHOLE_DOMAIN: Final = ""
"""The name of a customer's list that holds for every sender of its domain."""


def fold(address: str) -> str:
    """Return the spelling under which addresses are compared: neither part's case matters."""
    return address.lower()


def is_in_force(period: SuppressedPeriod | None, now: datetime) -> bool:
    """Tell whether the address of ``period`` is listed at ``now``."""
    return period is not None and period.since <= now < period.until


def after_bounce(period: SuppressedPeriod | None, address: str, now: datetime) -> SuppressedPeriod:
    """Return the period after a hard bounce at ``now``.

    Nothing is sent within one, so a bounce then is of mail that was on its way before it;
    it changes nothing. After a period without a send, the cycle starts anew.
    """
    if period is not None and is_in_force(period, now):
        return period
    return SuppressedPeriod(fold(address), 0, now, now + PERIODS[0])


def after_send(period: SuppressedPeriod, now: datetime) -> SuppressedPeriod:
    """Return the period after a send at ``now``, which is within it: the next longer one.

    It counts from that send, which never shortens it.
    """
    level = min(period.level + 1, len(PERIODS) - 1)
    return SuppressedPeriod(
        period.address, level, period.since, max(period.until, now + PERIODS[level])
    )


def is_for_sender(list_name: str, username: str) -> bool:
    """Tell whether a customer's list keeps mail of a sender; ``username`` is its local part.

    A list holds for the sender of its name, one without a name for the whole domain.
    """
    return list_name == WHOLE_DOMAIN or fold(list_name) == fold(username)
