"""The client's side of SASL as a generator.

An exchange yields a response (bytes, before base64) and is sent the server's
next challenge (bytes, decoded). A mechanism that speaks first yields its
initial response at the first ``next``; one that does not yields None there and
is then sent the first challenge. It may raise ``MalformedChallenge``: the
conversation then cancels with ``*``.
"""

from collections.abc import Generator
from typing import ClassVar, Protocol

Exchange = Generator[bytes | None, bytes, None]


class Mechanism(Protocol):
    """One SASL mechanism, ready to run with one set of credentials."""

    name: ClassVar[str]
    reveals_secret: ClassVar[bool]
    """True when the server (or a listener without TLS) could read the secret."""
    speaks_first: ClassVar[bool]
    """True when it has an initial response (RFC 4422 5)."""

    def exchange(self) -> Exchange:
        """Return a fresh exchange."""


class MalformedChallenge(ValueError):
    """The server's challenge is not what the mechanism asks for, or failed its proof."""
