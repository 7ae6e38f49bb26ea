"""The client's side of SASL as a generator.

An exchange yields a response (bytes, before base64) and is sent the server's next challenge (bytes,
decoded). A mechanism that speaks first yields its initial response at the first ``next``; another
one yields None there, and is then sent the first challenge. It may raise ``MalformedChallenge``, or
return because it has no further response: in both cases the conversation cancels with ``*``. If the
server reports success, the conversation calls ``conclude``.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol

from gatepost.errors import LocalProtocolError
from gatepost.sasl.channel import Channel

Exchange = Generator[bytes | None, bytes, None]


class Mechanism(Protocol):
    """One SASL mechanism, ready to run with one set of credentials."""

    name: ClassVar[str]
    reveals_secret: ClassVar[bool]
    """True if the server (or, without TLS, an eavesdropper) can read the secret."""
    speaks_first: ClassVar[bool]
    """True if it has an initial response (RFC 4422 5)."""
    secret_in: ClassVar[int]
    """The number of the first response, counted from 1, that contains the secret or a proof made
    from it."""

    def exchange(self) -> Exchange:
        """Return a fresh exchange."""


class MalformedChallenge(ValueError):
    """The server's challenge does not have the mechanism's form, or its proof failed."""


class UnusableCredentials(LocalProtocolError, ValueError):
    """The mechanism cannot transport these credentials. Nothing was sent; the text contains no
    secret."""


@dataclass(frozen=True, slots=True)
class ExchangeContext:
    """What a mechanism needs besides the credentials."""

    channel: Channel = field(default_factory=Channel)
    offered: tuple[str, ...] = ()
    """Mechanisms that the server advertised, upper case."""
    nonce: str = field(default="", repr=False)
    """Fresh randomness for SCRAM: printable ASCII without comma, at least 18 characters."""
    eager_login: bool = False
    """LOGIN sends the name with the AUTH command; only for servers known to require it."""
    host: str = ""
    port: int = 0
    """The server's port, which OAUTHBEARER sends."""


class Succeeded(Exception):
    """The server reported success while the exchange was waiting for a challenge."""


def conclude(exchange: Exchange) -> None:
    """Tell the exchange that the server reported success (235).

    Raises MalformedChallenge if the server's own proof is still missing: a server that omits it
    does not know the password, and is not the right one.
    """
    try:
        exchange.throw(Succeeded())
    except (Succeeded, StopIteration):
        exchange.close()


_UNSHOWN: Final = {"\0": "NUL", "\x01": "control-A"}


def encode(text: str, what: str, forbidden: str = "") -> bytes:
    """Return ``text`` in UTF-8.

    Raises UnusableCredentials if it contains a forbidden character or a lone surrogate; the message
    names ``what``, never the text.
    """
    for character in forbidden:
        if character in text:
            raise UnusableCredentials(f"{what} holds {_UNSHOWN.get(character, repr(character))}")
    raw = None
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        pass  # that exception carries the text: raise ours outside of its context
    if raw is None:
        raise UnusableCredentials(f"{what} is not UTF-8, or contains half a surrogate pair")
    return raw
