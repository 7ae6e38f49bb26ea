"""The PROXY protocol, versions 1 and 2, as the server behind a proxy reads it.

Source: "The PROXY protocol", HAProxy, doc/proxy-protocol.txt (2.2: version 1, 2.3: version 2). The
header is the first thing on a connection, before TLS and the greeting. Its presence is never
guessed (section 2): the configured proxies must send it, and it is not read from others.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
"""The beginning of version 2."""
MAX_V1: Final = 107
"""Octets of a version 1 header with its CRLF (2.1)."""
MAX_V2: Final = 4_096
"""Maximum octets after the first 16 of a version 2 header. The format allows 65,535; addresses
need 216, and of the other fields only the checksum is used."""

_V1: Final = b"PROXY "
_FIXED: Final = 16
_LOCAL, _PROXY = 0x20, 0x21
"""Version 2, command LOCAL (the proxy's own connection, a health check) or PROXY."""
_TCP4, _TCP6 = 0x11, 0x21
_ADDRESSES: Final = {_TCP4: 12, _TCP6: 36}
"""Octets of two addresses and two ports."""
_CRC32C: Final = 0x03
"""PP2_TYPE_CRC32C (2.2.4)."""


class BadProxyHeader(ValueError):
    """The octets are not a valid header. The text contains nothing of them."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """``address`` is the client's; empty if the connection is the proxy's own."""

    address: str = ""


class ProxyReader:
    """Reads one header from octets as they come."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> tuple[ProxyHeader, bytes] | None:
        """Take octets; return the header and what follows it, None while it is incomplete.

        Raises BadProxyHeader; then the connection must be closed (section 2).
        """
        buffer = self._buffer
        buffer += octets
        if buffer[: len(SIGNATURE)] == SIGNATURE[: len(buffer)]:
            return self._binary()
        if buffer[: len(_V1)] == _V1[: len(buffer)]:
            return self._line()
        raise BadProxyHeader("the connection does not begin with a PROXY header")

    def _line(self) -> tuple[ProxyHeader, bytes] | None:
        """Version 1: a line of text (2.1)."""
        buffer = self._buffer
        end = buffer.find(b"\r\n", 0, MAX_V1)
        if end < 0:
            if len(buffer) >= MAX_V1:
                raise BadProxyHeader(f"a PROXY line is longer than {MAX_V1} octets")
            return None
        return ProxyHeader(_parse_line(bytes(buffer[:end]))), bytes(buffer[end + 2 :])

    def _binary(self) -> tuple[ProxyHeader, bytes] | None:
        """Version 2: 16 fixed octets, addresses by family, further fields (2.2)."""
        buffer = self._buffer
        if len(buffer) < _FIXED:
            return None
        length = int.from_bytes(buffer[14:16], "big")
        if length > MAX_V2:
            raise BadProxyHeader(f"a PROXY header is longer than {MAX_V2} octets")
        end = _FIXED + length
        if len(buffer) < end:
            return None
        header = bytes(buffer[:end])
        return ProxyHeader(_parse_binary(header)), bytes(buffer[end:])


def _parse_line(line: bytes) -> str:
    words = line.split(b" ")
    if len(words) >= 2 and words[1] == b"UNKNOWN":
        return ""  # the rest must be ignored
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise BadProxyHeader("a PROXY line has a protocol, two addresses and two ports")
    kind = IPv4Address if words[1] == b"TCP4" else IPv6Address
    try:
        addresses = [kind(word.decode("ascii")) for word in words[2:4]]
    except ValueError:
        addresses = []
    if not addresses or not all(_is_port(word) for word in words[4:]):
        raise BadProxyHeader("a PROXY line's addresses or ports are none")
    return _spell(addresses[0])


def _is_port(word: bytes) -> bool:
    return word.isdigit() and len(word) <= 5 and int(word) <= 65_535 and word == b"%d" % int(word)


def _parse_binary(header: bytes) -> str:
    command, family = header[12], header[13]
    if command == _LOCAL:
        return ""  # the rest must be skipped
    if command != _PROXY:
        raise BadProxyHeader("a PROXY header has a version or command that is not known")
    size = _ADDRESSES.get(family, 0)
    fields = header[_FIXED:]
    if len(fields) < size:
        raise BadProxyHeader("a PROXY header is too short for its addresses")
    if size:
        _check_sum(header, _FIXED + size)
    if family == _TCP4:
        return _spell(IPv4Address(fields[:4]))
    if family == _TCP6:
        return _spell(IPv6Address(fields[:16]))
    return ""  # AF_UNSPEC, a Unix socket, or no stream: no address that could be the client's


def _spell(address: IPv4Address | IPv6Address) -> str:
    """Return an address as a listener on both families would show it."""
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(inner or address).partition("%")[0]


def _check_sum(header: bytes, start: int) -> None:
    """Verify the checksum of the header, if it has one (2.2.4)."""
    while start + 3 <= len(header):
        kind, length = header[start], int.from_bytes(header[start + 1 : start + 3], "big")
        value = start + 3
        start = value + length
        if start > len(header):
            break
        if kind == _CRC32C and length == 4:
            zeroed = header[:value] + bytes(4) + header[value + 4 :]
            if crc32c(zeroed) != int.from_bytes(header[value : value + 4], "big"):
                raise BadProxyHeader("a PROXY header's checksum is wrong")
            return
    if start != len(header):
        raise BadProxyHeader("a PROXY header's further fields do not fill it")


def crc32c(octets: bytes) -> int:
    """Return the CRC with Castagnoli's polynomial (RFC 3720 B.4). It need not be fast: headers
    are short and rare."""
    remainder = 0xFFFFFFFF
    for octet in octets:
        remainder ^= octet
        for _ in range(8):
            remainder = (remainder >> 1) ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF
