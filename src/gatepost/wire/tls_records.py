"""TLS without the keys: records, a ClientHello, unencrypted alerts (RFC 8446 4.1.2, 5.1, 6).

Used to forward a connection, to know how its handshake ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

HANDSHAKE: Final = 22
ALERT: Final = 21
CHANGE_CIPHER_SPEC: Final = 20
APPLICATION_DATA: Final = 23
_TYPES: Final = frozenset({CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA})
_HEADER: Final = 5
_CLIENT_HELLO: Final = 1
_SERVER_NAME: Final = 0
_SUPPORTED_VERSIONS: Final = 43
_MAX_RECORD: Final = 16_384 + 2_048
"""Maximum octets of a record (RFC 5246 6.2.3)."""
SEALED_ALERT: Final = 19
"""Octets of an alert in a TLS 1.3 record: two, its type, and a tag of 16 (RFC 8446 5.2)."""
VERSIONS: Final[Mapping[int, str]] = MappingProxyType(
    {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
)
ALERTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 40: "handshake_failure",
        42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
        45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter",
        48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error",
        70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
        86: "inappropriate_fallback", 90: "user_canceled", 109: "missing_extension",
        110: "unsupported_extension", 111: "certificate_unobtainable", 112: "unrecognized_name",
        113: "bad_certificate_status_response", 116: "certificate_required",
        120: "no_application_protocol",
    }
)  # fmt: skip
"""RFC 8446 6; RFC 6066 9."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The newest version and the server name in a ClientHello."""

    version: str = ""
    server_name: str = ""

    @property
    def is_old(self) -> bool:
        """Whether it offers nothing newer than TLS 1.1 (RFC 8996)."""
        return self.version in ("SSLv3", "TLSv1", "TLSv1.1")


def encode_alert(name: str) -> bytes:
    """Return the record of a fatal alert in clear (RFC 8446 6). Raises KeyError."""
    number = {each: number for number, each in ALERTS.items()}[name]
    return bytes((ALERT, 3, 3, 0, 2, 2, number))


class RecordReader:
    """Reads what one side sends under TLS, and keeps what is known without keys."""

    __slots__ = ("_buffer", "_handshake", "alert", "hello", "is_tls", "records")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._handshake = bytearray()
        self.is_tls = True
        """False after something that is not TLS."""
        self.hello: ClientHello | None = None
        self.alert = ""
        """The name of the last unencrypted alert."""
        self.records: list[tuple[int, int]] = []
        """Type and length of the first records."""

    def feed(self, octets: bytes) -> None:
        """Read some of what was sent."""
        if not self.is_tls:
            return
        self._buffer += octets
        while len(self._buffer) >= _HEADER:
            kind, length = self._buffer[0], int.from_bytes(self._buffer[3:_HEADER])
            if kind not in _TYPES or self._buffer[1] != 3 or length > _MAX_RECORD:
                self.is_tls = False
                self._buffer.clear()
                return
            if len(self._buffer) < _HEADER + length:
                return
            fragment = bytes(self._buffer[_HEADER : _HEADER + length])
            del self._buffer[: _HEADER + length]
            self._record(kind, fragment)

    def _record(self, kind: int, fragment: bytes) -> None:
        if len(self.records) < _MOST_RECORDS:
            self.records.append((kind, len(fragment)))
        if kind == ALERT and len(fragment) == 2:
            self.alert = ALERTS.get(fragment[1], f"alert {fragment[1]}")
        elif kind == HANDSHAKE and self.hello is None and len(self._handshake) <= _MAX_HELLO:
            self._handshake += fragment
            if self._handshake[0] == _CLIENT_HELLO:
                self.hello = parse_client_hello(bytes(self._handshake))

    @property
    def has_refused(self) -> bool:
        """Whether this side ended the handshake with an encrypted alert (TLS 1.3)."""
        sealed = [length for kind, length in self.records if kind == APPLICATION_DATA]
        return sealed == [SEALED_ALERT]


_MOST_RECORDS: Final = 32
_MAX_HELLO: Final = 65_536


def parse_client_hello(message: bytes) -> ClientHello | None:
    """Return the contents of a ClientHello; None until it is complete.

    One that cannot be parsed has empty contents.
    """
    length = int.from_bytes(message[1:4])
    if len(message) < 4 + length:
        return None
    body = message[4 : 4 + length]
    try:
        version, extensions = _read_hello(body)
    except IndexError:
        return ClientHello()
    listed = extensions.get(_SUPPORTED_VERSIONS, b"")[1:]
    offered = [int.from_bytes(listed[at : at + 2]) for at in range(0, len(listed) - 1, 2)]
    versions = [each for each in (offered or [version]) if each in VERSIONS]
    return ClientHello(VERSIONS[max(versions)] if versions else "", _server_name(extensions))


def _read_hello(body: bytes) -> tuple[int, dict[int, bytes]]:
    """Return the version and the extensions. Raises IndexError if it is cut short."""
    at = 34  # version and random
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at : at + 2])
    at += 1 + body[at]
    version = int.from_bytes(body[:2])
    extensions: dict[int, bytes] = {}
    end = at + 2 + int.from_bytes(body[at : at + 2])
    at += 2
    while at + 4 <= min(end, len(body)):
        kind, length = int.from_bytes(body[at : at + 2]), int.from_bytes(body[at + 2 : at + 4])
        extensions[kind] = body[at + 4 : at + 4 + length]
        at += 4 + length
    return version, extensions


def _server_name(extensions: Mapping[int, bytes]) -> str:
    """Return the host name in the extension (RFC 6066 3: a list of one name)."""
    listed = extensions.get(_SERVER_NAME, b"")
    name = listed[5 : 5 + int.from_bytes(listed[3:5])]
    return name.decode("ascii", "replace")
