"""Networks of clients: address ranges, and a word for this machine's Unix sockets."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Generic, TypeVar

T = TypeVar("T")

UNIX: Final = "unix"
"""Represents clients on Unix sockets, which have no address."""
_COUNTED_V6: Final = 64
"""Bits of an IPv6 address that identify a customer (RFC 6177 2)."""

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def parse_address(text: str) -> Address | None:
    """Return an IP address, as IPv4 also if it is mapped into IPv6; None for ``unix``."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4_096)
def counted_as(address: str) -> str:
    """Return what represents a client where clients are counted: of an IPv6 address, its /64."""
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _COUNTED_V6), strict=False))
    return str(parsed or address)


@dataclass(frozen=True, slots=True)
class Networks:
    """A set of networks; ``unix`` is one."""

    ranges: tuple[Network, ...] = ()
    unix: bool = False

    def __contains__(self, address: object) -> bool:
        if address == UNIX:
            return self.unix
        parsed = parse_address(str(address))
        return parsed is not None and any(
            parsed.version == each.version and parsed in each for each in self.ranges
        )

    def __bool__(self) -> bool:
        return self.unix or bool(self.ranges)


NOBODY: Final = Networks()


class NetworkTable(Generic[T]):
    """Values by network: the first row that contains a client counts."""

    def __init__(self, rows: Sequence[tuple[Networks, T]], otherwise: T) -> None:
        self._rows = tuple(rows)
        self._otherwise = otherwise
        self._find = lru_cache(maxsize=1_024)(self._search)

    def of(self, address: str) -> T:
        """Return the value for a client's address (or ``unix``)."""
        return self._find(address) if self._rows else self._otherwise

    def _search(self, address: str) -> T:
        for networks, value in self._rows:
            if address in networks:
                return value
        return self._otherwise
