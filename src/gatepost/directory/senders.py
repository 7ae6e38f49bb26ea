"""Senders by pattern: what accounts and applications of a configuration may use."""

from collections.abc import Iterable
from typing import Final

from gatepost.model.address import Address
from gatepost.model.standing import Standing

ANY_SENDER: Final = "*"


def standing_of(patterns: Iterable[str], sender: Address) -> Standing:
    """Tell whether ``sender`` is among ``patterns``; neither part's case matters.

    A pattern is ``local@domain``, ``@domain`` for every address of a domain, or ``*``.
    """
    mailbox, domain = str(sender).lower(), f"@{sender.domain.lower()}"
    allowed = [pattern.lower() for pattern in patterns]
    if ANY_SENDER in allowed or mailbox in allowed or domain in allowed:
        return Standing.ALLOWED
    if any(pattern.endswith(domain) for pattern in allowed):
        return Standing.SENDER_NOT_REGISTERED
    return Standing.DOMAIN_NOT_LINKED
