"""Domains, addresses and names as routes compare them."""

import ipaddress
from typing import Final

from gatepost.model.address import Address
from gatepost.model.idn import fold_domain
from gatepost.model.wildcards import matches_parts

_THIS_NETWORK: Final = ipaddress.IPv4Network("0.0.0.0/8")


def literal_address(domain: str) -> str | None:
    """Return the IP address of an address literal (RFC 5321 4.1.3); None for a name.

    Raises ValueError for an invalid literal.
    """
    if not domain.startswith("["):
        return None
    inside = domain[1:].removesuffix("]")
    if inside.lower().startswith("ipv6:"):
        return str(ipaddress.IPv6Address(inside[5:]))
    return str(ipaddress.IPv4Address(inside))


def host_address(text: str) -> str | None:
    """Return the IP address of a host, converted from ``::ffff:192.0.2.1`` to IPv4.

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
    """Tell whether ``*``, ``<>``, a mailbox, a domain or ``*.domain`` matches this address.

    Case does not matter, as for the senders of an account. The next hop gets the local part
    unchanged (RFC 5321 2.4).
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
    """Return the normalised spelling of a pattern: patterns with the same one match the same
    addresses."""
    local, at, domain = pattern.rpartition("@")
    below = "*." if domain.startswith("*.") else ""
    return f"{local.lower()}{at}{below}{fold_domain(domain.removeprefix(below))}"


def matches_name(pattern: str, name: str) -> bool:
    """Tell whether a pattern matches a name; ``*`` matches any characters, case does not matter."""
    return matches_parts(pattern.lower().split("*"), name.lower())
