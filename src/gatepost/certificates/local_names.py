"""What a local server's certificate is valid for, and what its authority may certify."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from cryptography import x509

from gatepost.errors import ConfigError
from gatepost.model.idn import a_labels
from gatepost.net.interfaces import list_addresses

NAMES: Final = ("localhost", "*.communication.localhost", "127.0.0.1", "::1")
"""Those of a server that listens on loopback; it always has them."""

_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})
_NAME: Final = re.compile(
    r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_MAX_NAME: Final = 253
"""Maximum characters of a domain name (RFC 1035 2.3.4)."""
_PRIVATE: Final = tuple(
    ip_network(each)
    for each in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Networks in which addresses change, of containers above all (RFC 1918, RFC 4193): the authority
may certify all of one, because another authority would have to be made known to all clients."""

Network = IPv4Network | IPv6Network


def names_of(hosts: Iterable[str], more: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names and addresses for the certificate of a server that listens on ``hosts``.

    For every address (``0.0.0.0``, ``::``), these are the addresses of this machine. ``more`` are
    the names and addresses that clients use besides. Raises ConfigError for one that cannot be in a
    certificate.
    """
    listening = [
        name for host in hosts for name in (list_addresses() if host in _EVERY_ADDRESS else (host,))
    ]
    return tuple(dict.fromkeys([*NAMES, *map(parse_name, [*listening, *more])]))


def parse_name(name: str) -> str:
    """Return a host name in lower case and ASCII, or an address in its usual form.

    Raises ConfigError for anything else.
    """
    try:
        return str(ip_address(ip_address(name).packed))  # without the interface (RFC 4007 11)
    except ValueError:
        pass
    try:
        folded = a_labels(name.removesuffix(".").lower())
    except ValueError:
        folded = ""
    if len(folded) > _MAX_NAME or not _NAME.fullmatch(folded):
        raise ConfigError(f"{name!r} is neither a host name nor an IP address")
    return folded


def general_name(name: str) -> x509.GeneralName:
    """Return a name or address for subjectAltName (RFC 5280 4.2.1.6)."""
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def subtrees_for(names: Iterable[str]) -> list[x509.GeneralName]:
    """Return the subtrees that an authority for ``names`` is permitted (RFC 5280 4.2.1.10)."""
    return list(dict.fromkeys(map(_subtree_for, names)))


def _subtree_for(name: str) -> x509.GeneralName:
    try:
        address = ip_address(name)
    except ValueError:
        return x509.DNSName(name.removeprefix("*."))
    if name in NAMES:
        return x509.IPAddress(ip_network(address))
    network = next((each for each in _PRIVATE if address in each), ip_network(address))
    return x509.IPAddress(network)


def are_permitted(names: Iterable[str], subtrees: Sequence[x509.GeneralName]) -> bool:
    """Tell whether an authority with these subtrees may certify all of ``names``."""
    networks = [each.value for each in subtrees if isinstance(each, x509.IPAddress)]
    domains = [each.value for each in subtrees if isinstance(each, x509.DNSName)]
    return all(_is_permitted(name, networks, domains) for name in names)


def _is_permitted(name: str, networks: Sequence[object], domains: Sequence[str]) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        below = name.removeprefix("*.")
        return any(below == each or below.endswith(f".{each}") for each in domains)
    return any(address in each for each in networks if isinstance(each, (IPv4Network, IPv6Network)))
