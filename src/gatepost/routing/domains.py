"""Domains, addresses and names as routes compare them."""

import ipaddress
import re
from functools import lru_cache
from typing import Final

from gatepost.model.address import Address
from gatepost.model.idn import fold_domain

_THIS_NETWORK: Final = ipaddress.IPv4Network("0.0.0.0/8")


def literal_address(domain: str) -> str | None:
    """Return the IP address of an address literal (RFC 5321 4.1.3); None for a name.

    Raises ValueError when it looks like one and is none.
    """
    if not domain.startswith("["):
        return None
    inside = domain[1:].removesuffix("]")
    if inside.lower().startswith("ipv6:"):
        return str(ipaddress.IPv6Address(inside[5:]))
    return str(ipaddress.IPv4Address(inside))


def host_address(text: str) -> str | None:
    """Return an IP address as that of a host, which IPv6 may hold as ``::ffff:192.0.2.1``.

    None for one that no other host can have (RFC 6890 2.2.2): of "this" network, link-local,
    multicast or reserved. What is sent to 0.0.0.0 arrives here.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    is_nowhere = address.is_unspecified or address.is_link_local or address.is_multicast
    if isinstance(address, ipaddress.IPv4Address):
        is_nowhere = is_nowhere or address.is_reserved or address in _THIS_NETWORK
    return None if is_nowhere else str(address)


def matches_address(pattern: str, address: Address | None) -> bool:
    """Tell whether ``*``, ``<>``, a mailbox, a domain or ``*.domain`` means this address.

    Case does not matter, as with the senders of an account: to the next hop a local part goes as
    it came (RFC 5321 2.4), and no two people are told apart by it.
    """
    if pattern == "*":
        return True
    if address is None:
        return pattern == "<>"
    local, at, domain = pattern.rpartition("@")
    if at and local and local.lower() != address.local.lower():
        return False
    mine = fold_domain(address.domain)
    if domain.startswith("*."):
        return mine.endswith(fold_domain(domain[1:]))
    return mine == fold_domain(domain)


def fold_pattern(pattern: str) -> str:
    """Return the one spelling of a pattern: two with the same one mean the same addresses."""
    local, at, domain = pattern.rpartition("@")
    below = "*." if domain.startswith("*.") else ""
    return f"{local.lower()}{at}{below}{fold_domain(domain.removeprefix(below))}"


@lru_cache(maxsize=1024)
def _pattern(text: str) -> "re.Pattern[str]":
    parts = [re.escape(part) for part in text.split("*")]
    return re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)


def matches_name(pattern: str, name: str) -> bool:
    """Tell whether a name is meant; ``*`` stands for any characters, case does not matter."""
    return _pattern(pattern).fullmatch(name) is not None
