"""The trace fields of a message (RFC 5321 4.4, RFC 3848, RFC 6531 4.3, RFC 8314 4.3)."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.\-_:\[\]]")
"""Characters that no domain and no address literal contains; a semicolon would seem to end the
field."""

_PEER: Final = re.compile(rb"Received: from [^ ]{1,300} \(\[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\]\)")


class Hop(NamedTuple):
    """How a message was received; a tuple, because each message looks up the text for it."""

    peer_name: str
    """The client's name in EHLO or HELO."""
    peer_address: str
    """An IP address, or ``unix`` for a client on a Unix socket."""
    protocol: str
    """``ESMTP`` or ``SMTP``."""
    host: str
    cipher: str = ""
    """The TLS cipher suite; empty without TLS."""
    signed_in: bool = False


def received(hop: Hop, id: str, date: str, *, utf8: bool = False) -> bytes:
    """Return a Received field with its CRLF. ``date`` is in RFC 5322's format.

    It contains neither the login nor a recipient, for privacy.
    """
    tls = f" tls {hop.cipher}" if hop.cipher else ""  # behind the id: RFC 8314 4.3, RFC 5321 4.4
    return f"{_head(hop, utf8=utf8)} id {id}{tls};\r\n\t{date}\r\n".encode("ascii", "replace")


def peer_of(trace: bytes) -> str:
    """Return the address of the client in a Received field of ours; empty if it has none."""
    match = _PEER.match(trace)
    return "" if match is None else match[1].decode()


@lru_cache(maxsize=256)
def _head(hop: Hop, *, utf8: bool) -> str:
    """The part that is the same for all messages of a connection."""
    protocol = hop.protocol
    if protocol == "ESMTP":
        protocol = "UTF8SMTP" if utf8 else protocol
        protocol += ("S" if hop.cipher else "") + ("A" if hop.signed_in else "")
    literal = f"IPv6:{hop.peer_address}" if ":" in hop.peer_address else hop.peer_address
    where = "(local)" if hop.peer_address == "unix" else f"([{literal}])"
    name = _UNSAFE.sub("?", hop.peer_name) or "unknown"
    return f"Received: from {name} {where}\r\n\tby {hop.host} with {protocol}"
