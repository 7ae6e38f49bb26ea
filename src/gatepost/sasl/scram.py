"""SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password.

The password is never sent, what the server stores cannot be used to sign in, and the -PLUS forms
are bound to the TLS connection.
"""

import hashlib
import hmac
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import ClassVar, Final, NoReturn

from gatepost.model.credentials import Principal
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.channel import ChannelBinding
from gatepost.sasl.exchange import (
    Exchange,
    MalformedChallenge,
    Succeeded,
    UnusableCredentials,
    encode,
)
from gatepost.sasl.gs2 import (
    check_nonce,
    decode_base64,
    decode_saslname,
    encode_base64,
    encode_saslname,
    is_nonce,
    parse_attributes,
)
from gatepost.sasl.interview import (
    MAX_NAME,
    REFUSED,
    Interview,
    MalformedResponse,
    ServerSide,
    ask,
    decide,
    decode,
    look_up,
)
from gatepost.sasl.saslprep import saslprep
from gatepost.sasl.verifiers import ScramHash, client_key, prepare, salted_password, server_key

FEWEST_ITERATIONS: Final = 4_096
"""RFC 5802 5.1 and RFC 7677 4; with fewer, our proof would make guessing the password cheap."""
MOST_ITERATIONS: Final = 600_000
"""OWASP's recommendation for PBKDF2-HMAC-SHA256 (2023), a third of a second of computing: a
hostile server may demand more, and a relay does nothing else meanwhile."""
MAX_MESSAGE: Final = 8_192

_FIRST: Final = re.compile(r"(?P<flag>n|y|p=(?P<kind>[A-Za-z0-9.-]{1,64})),(?:a=(?P<as>[^,]+))?,")


@dataclass(frozen=True, slots=True)
class Scram:
    """The client; each mechanism is a subclass that names its hash.

    Raises UnusableCredentials when SASLprep prohibits the name or the password,
    or when a -PLUS form has no channel binding.
    """

    name: ClassVar[str]
    digest: ClassVar[ScramHash]
    binds: ClassVar[bool] = False
    reveals_secret: ClassVar[bool] = False
    speaks_first: ClassVar[bool] = True
    secret_in: ClassVar[int] = 2
    username: str
    password: Secret = field(repr=False)
    nonce: str = field(repr=False)
    binding: ChannelBinding | None = None
    server_binds: bool = False
    """The server offers a -PLUS form."""
    authzid: str = ""

    def __post_init__(self) -> None:
        check_nonce(self.nonce)
        if self.binds and self.binding is None:
            raise UnusableCredentials(f"{self.name} needs a channel binding")
        self._header()
        prepare(self.username, "the user name", stored=False)
        prepare(self.password.reveal(), "the password", stored=True)

    def exchange(self) -> Exchange:
        """Prove the password, then verify the server's proof that it knows it, too."""
        try:
            yield from self._prove()
        except Succeeded:
            raise MalformedChallenge("the server reports success without its proof") from None
        yield b""

    def _prove(self) -> Generator[bytes, bytes, None]:
        """Return after the server's signature was verified."""
        header = self._header()
        username = prepare(self.username, "the user name", stored=False)
        first = f"n={encode_saslname(username)},r={self.nonce}"
        offer = yield from _tell(f"{header}{first}")
        nonce, salt, iterations = self._terms(offer)
        salted = salted_password(self.password, salt, iterations, self.digest)
        bound = header.encode() + (self.binding.data if self.binds and self.binding else b"")
        final = f"c={encode_base64(bound)},r={nonce}"
        auth_message = f"{first},{offer},{final}".encode()
        key = client_key(salted, self.digest)
        stored = hashlib.new(self.digest, key).digest()
        proof = _xor(key, hmac.digest(stored, auth_message, self.digest))
        outcome = yield from _tell(f"{final},p={encode_base64(proof)}")
        [signature] = parse_attributes(outcome, "v", MalformedChallenge)
        expected = hmac.digest(server_key(salted, self.digest), auth_message, self.digest)
        if not hmac.compare_digest(expected, decode_base64(signature, MalformedChallenge)):
            raise MalformedChallenge("the server's proof is wrong: it does not know the password")

    def _header(self) -> str:
        """Return the GS2 header, with what we know of binding, so that an offer of -PLUS cannot
        be hidden (RFC 5802 6)."""
        if self.binds and self.binding:
            flag = f"p={self.binding.kind}"
        else:
            flag = "y" if self.binding and not self.server_binds else "n"
        encode(self.authzid, "the identity to act as", "\0")
        return f"{flag},{f'a={encode_saslname(self.authzid)}' if self.authzid else ''},"

    def _terms(self, offer: str) -> tuple[str, bytes, int]:
        """Return nonce, salt and iterations of server-first-message, within our limits."""
        nonce, salt, count = parse_attributes(offer, "rsi", MalformedChallenge)
        if not nonce.startswith(self.nonce) or nonce == self.nonce:
            raise MalformedChallenge("the server's nonce does not continue ours")
        if not (count.isascii() and count.isdecimal() and len(count) < 10):
            raise MalformedChallenge("the iteration count is not a number")
        if not FEWEST_ITERATIONS <= int(count) <= MOST_ITERATIONS:
            raise MalformedChallenge(
                f"{count} iterations are not between {FEWEST_ITERATIONS} and {MOST_ITERATIONS}"
            )
        raw = decode_base64(salt, MalformedChallenge)
        if not raw:
            raise MalformedChallenge("there is no salt")
        return nonce, raw, int(count)


class ScramSha1(Scram):
    """RFC 5802."""

    __slots__ = ()
    name: ClassVar[str] = "SCRAM-SHA-1"
    digest: ClassVar[ScramHash] = "sha1"


class ScramSha1Plus(ScramSha1):
    """RFC 5802, bound to the TLS connection."""

    __slots__ = ()
    name: ClassVar[str] = "SCRAM-SHA-1-PLUS"
    binds: ClassVar[bool] = True


class ScramSha256(Scram):
    """RFC 7677."""

    __slots__ = ()
    name: ClassVar[str] = "SCRAM-SHA-256"
    digest: ClassVar[ScramHash] = "sha256"


class ScramSha256Plus(ScramSha256):
    """RFC 7677, bound to the TLS connection."""

    __slots__ = ()
    name: ClassVar[str] = "SCRAM-SHA-256-PLUS"
    binds: ClassVar[bool] = True


class ScramSha512(Scram):
    """draft-melnikov-scram-sha-512, as Cyrus SASL and others implement it."""

    __slots__ = ()
    name: ClassVar[str] = "SCRAM-SHA-512"
    digest: ClassVar[ScramHash] = "sha512"


class ScramSha512Plus(ScramSha512):
    """The same, bound to the TLS connection."""

    __slots__ = ()
    name: ClassVar[str] = "SCRAM-SHA-512-PLUS"
    binds: ClassVar[bool] = True


def _tell(message: str) -> Generator[bytes, bytes, str]:
    """Send a message and return the server's, which may be an error instead (RFC 5802 7)."""
    raw = yield message.encode()
    if raw.startswith(b"e="):
        yield from _acknowledge_error(raw)
    if len(raw) > MAX_MESSAGE:
        raise MalformedChallenge(f"the server's message is longer than {MAX_MESSAGE} octets")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedChallenge("the server's message is not UTF-8") from None


def _acknowledge_error(error: bytes) -> Generator[bytes, bytes, NoReturn]:
    """Answer an error with an empty response, so that the server sends its refusal."""
    yield b""
    raise MalformedChallenge(f"the server continues after {error[:80]!r}")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


@dataclass(frozen=True, slots=True)
class _First:
    """client-first-message."""

    header: str
    flag: str
    kind: str
    authzid: str
    username: str
    nonce: str
    bare: str


def _parse_first(raw: bytes) -> _First:
    text = decode(raw, "the first message", MAX_MESSAGE)
    header = _FIRST.match(text)
    if header is None:
        raise MalformedResponse("a SCRAM message starts with a GS2 header")
    bare = text[header.end() :]
    name, nonce = parse_attributes(bare, "nr", MalformedResponse)
    if not is_nonce(nonce):
        raise MalformedResponse("the nonce is not printable ASCII")
    username = decode_saslname(name)
    try:
        prepared = saslprep(username, stored=False)
    except ValueError as prohibited:
        raise MalformedResponse(f"the user name is not usable: {prohibited}") from None
    if not prepared or len(prepared.encode()) > MAX_NAME:
        raise MalformedResponse("the user name is empty or too long")
    authzid = decode_saslname(header["as"] or "")
    flag = header["flag"]
    return _First(header[0], flag[0], header["kind"] or "", authzid, prepared, nonce, bare)


def scram(mechanism: type[Scram], initial: bytes | None, side: ServerSide) -> Interview:
    """The server. For an unknown name, the exchange is the same with a decoy's keys."""
    check_nonce(side.nonce)
    first = _parse_first(initial if initial is not None else (yield from ask(b"")))
    try:
        bound = _bind(mechanism, first, side)
    except _Unbound as trouble:
        return side.refuse(f"channel_binding: {trouble}")
    verifier = yield from look_up(first.username, mechanism.name)
    entry = verifier.scram
    if entry is None:
        refusal = verifier.refusal or REFUSED.because("no_verifier: no SCRAM verifier is stored")
        return side.refuse(refusal.reason)
    nonce = first.nonce + side.nonce
    offer = f"r={nonce},s={encode_base64(entry.salt)},i={entry.iterations}"
    final = _parse_final((yield from ask(offer.encode())), nonce, len(entry.stored_key))
    if not hmac.compare_digest(final.binding, bound):
        yield from ask(b"e=channel-bindings-dont-match")
        return side.refuse(
            "channel_binding: the client's channel binding is not that of this connection"
        )
    auth_message = f"{first.bare},{offer},{final.unproven}".encode()
    key = _xor(final.proof, hmac.digest(entry.stored_key, auth_message, mechanism.digest))
    stored = hashlib.new(mechanism.digest, key).digest()
    proven = hmac.compare_digest(stored, entry.stored_key)
    verdict = decide(verifier, proven, mechanism.name, side)
    if isinstance(verdict, Principal) and first.authzid not in ("", first.username):
        verdict = side.refuse("authzid: acting as another identity is not permitted")
    if isinstance(verdict, Reply):
        yield from ask(b"e=invalid-proof")
        return verdict
    signature = hmac.digest(entry.server_key, auth_message, mechanism.digest)
    if (yield from ask(f"v={encode_base64(signature)}".encode())):
        raise MalformedResponse("the server's proof must be answered with an empty response")
    return verdict


class _Unbound(Exception):
    """The client's channel binding flag does not fit what this listener supports."""


def _bind(mechanism: type[Scram], first: _First, side: ServerSide) -> bytes:
    """Return the expected ``c=``: the GS2 header and, with -PLUS, the binding (RFC 5802 6)."""
    if first.flag == "y" and f"{mechanism.name}-PLUS" in side.offered:
        raise _Unbound("server-does-support-channel-binding: somebody hid the -PLUS mechanism")
    if mechanism.binds is not (first.flag == "p"):
        raise MalformedResponse("p= is for the -PLUS mechanisms only")
    header = first.header.encode()
    if not mechanism.binds:
        return header
    for binding in side.bindings:
        if binding.kind == first.kind:
            return header + binding.data
    raise _Unbound(f"unsupported-channel-binding-type: {first.kind}")


@dataclass(frozen=True, slots=True)
class _Final:
    """client-final-message; ``unproven`` is the part before the proof."""

    binding: bytes
    unproven: str
    proof: bytes


def _parse_final(raw: bytes, nonce: str, size: int) -> _Final:
    text = decode(raw, "the final message", MAX_MESSAGE)
    unproven, separator, proof = text.rpartition(",p=")
    if not separator:
        raise MalformedResponse("p= is at the wrong place")
    binding, echoed = parse_attributes(unproven, "cr", MalformedResponse)
    if not hmac.compare_digest(echoed.encode(), nonce.encode()):
        raise MalformedResponse("the nonce is not the one of this exchange")
    made = decode_base64(proof, MalformedResponse)
    if len(made) != size:
        raise MalformedResponse("the proof has the wrong size")
    return _Final(decode_base64(binding, MalformedResponse), unproven, made)
