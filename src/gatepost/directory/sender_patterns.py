"""Senders by pattern: what accounts and applications of a configuration may use."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from gatepost.model.address import Address
from gatepost.model.credentials import Standing
from gatepost.model.idn import fold_domain

ANY_SENDER: Final = "*"
_ANY: Final = "@*"


def standing_of(patterns: Iterable[str], sender: Address) -> Standing:
    """Tell whether ``sender`` matches one of ``patterns``, without regard to case or to A-labels in
    the domain.

    A pattern is ``local@domain``, ``@domain`` for every address of a domain, ``@*.domain`` for
    those below it, or ``*``.
    """
    domain = f"@{fold_domain(sender.domain)}"
    mailbox = f"{sender.local.lower()}{domain}"
    allowed = [_folded(pattern) for pattern in patterns]
    if ANY_SENDER in allowed or mailbox in allowed or domain in allowed:
        return Standing.ALLOWED
    above = [each.removeprefix(_ANY) for each in allowed if each.startswith(f"{_ANY}.")]
    if any(domain.endswith(each) for each in above):
        return Standing.ALLOWED
    if any(pattern.endswith(domain) for pattern in allowed):
        return Standing.SENDER_NOT_REGISTERED
    return Standing.DOMAIN_NOT_LINKED


@lru_cache(maxsize=4096)
def _folded(pattern: str) -> str:
    local, at, domain = pattern.rpartition("@")
    below = "*." if domain.startswith("*.") else ""
    return f"{local.lower()}{at}{below}{fold_domain(domain.removeprefix(below))}"
