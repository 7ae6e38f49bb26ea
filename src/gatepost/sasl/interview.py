"""The server's side of SASL as a generator (RFC 4422 3): it asks, the relay answers.

An interview yields

- ``Challenge(data)`` and is sent the client's response, decoded;
- ``Lookup(username)`` and is sent a ``Verifier`` (of a decoy, when the name is unknown);
- ``Verify(credentials)`` and is sent a ``Principal``, or a ``Reply`` that refuses.

It returns the verdict: a ``Principal`` or a refusing ``Reply``. It raises
``MalformedResponse`` when the client's response does not parse (501).
"""

from collections.abc import Callable, Generator
from dataclasses import field
from typing import Final

from gatepost.model.credentials import Credentials, Principal
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Esc, Reply
from gatepost.sasl.channel import ChannelBinding

MAX_NAME: Final = 9_216
"""Maximum octets of a user name. No name is that long, but what people paste there is refused like
any unknown name, not as a syntax error."""
MAX_SECRET: Final = 9_216
"""Maximum octets of a password or token: its base64 still fits the line of RFC 4954 4."""

REFUSED: Final = Reply(535, "Authentication credentials invalid", Esc(5, 7, 8))


@dataclass(frozen=True, slots=True)
class Challenge:
    """Bytes for the client, before base64."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Verify:
    """Verify these credentials; ``mechanism`` tells the directory how."""

    credentials: Credentials
    mechanism: str


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """What a server stores of a password for SCRAM (RFC 5802 3)."""

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verifier:
    """What the directory has for one user name and mechanism, and the principal if the proof
    succeeds.

    ``refusal`` is set for a decoy: the interview runs to its end and then refuses, with the text of
    ``ServerSide.refusal`` and the reason of this one. ``digest_state`` is the key of CRAM-MD5's
    HMAC (RFC 2195). A name without a verifier of the requested kind also gets a decoy, so that the
    peer sees no difference.
    """

    principal: Principal | None
    refusal: Reply | None = None
    scram: ScramVerifier | None = None
    digest_state: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Lookup:
    """Fetch the verifier of ``username`` for ``mechanism``."""

    username: str
    mechanism: str


@dataclass(frozen=True, slots=True)
class ServerSide:
    """What an interview needs besides the client's responses."""

    nonce: str = field(default="", repr=False)
    """Fresh randomness for SCRAM and CRAM-MD5: printable ASCII without comma, at least 18
    characters."""
    host: str = "localhost"
    offered: frozenset[str] = frozenset()
    """What this listener advertises: a client that saw less was deceived (RFC 5802 6)."""
    bindings: tuple[ChannelBinding, ...] = ()
    refusal: Reply = REFUSED
    """The same refusal for every failed proof, from the profile, whoever the user is."""
    scope: str = ""
    """The OAuth scope that a refused client should ask for."""
    explains: bool = False
    """XOAUTH2 sends a JSON document before a refusal, as Google does, and Exchange does not."""

    refuses_authzid: bool = False
    """PLAIN refuses every authorization identity, even the user's own name."""
    prompts: tuple[str, str] = ("Username:", "Password:")
    """The prompts of LOGIN, whose exact text some clients check."""

    def refuse(self, reason: str) -> Reply:
        """Return the refusal with a reason (``slug: a sentence``) for the operator."""
        return self.refusal.because(reason)


Question = Challenge | Lookup | Verify
Answer = bytes | Verifier | Principal | Reply
Verdict = Principal | Reply
Interview = Generator[Question, Answer, Verdict]
Interviewer = Callable[[bytes | None, ServerSide], Interview]
"""Starts an interview; the first argument is the initial response: None when there was none,
which is not the same as an empty one (RFC 4954 4)."""


class MalformedResponse(ValueError):
    """The client's response does not have the mechanism's form. The text contains nothing of it."""


def refuse_all(initial: bytes | None, side: ServerSide) -> Interview:
    """The server of a mechanism that is listed, but refuses every login."""
    if initial is None:
        yield from ask(b"")
    return side.refuse("mechanism_broken: the profile lets nobody in by this mechanism")


def ask(data: bytes) -> Generator[Question, Answer, bytes]:
    """Send a challenge and return the client's response."""
    answer = yield Challenge(data)
    if not isinstance(answer, bytes):
        raise TypeError(f"a Challenge is answered with bytes, not with {type(answer).__name__}")
    return answer


def verify(credentials: Credentials, mechanism: str) -> Interview:
    """Have the directory verify the credentials and return its verdict."""
    answer = yield Verify(credentials, mechanism)
    if isinstance(answer, Principal):
        return answer if answer.mechanism else answer.by(mechanism)
    if isinstance(answer, Reply):
        return answer
    raise TypeError(f"Verify is answered with a verdict, not with {type(answer).__name__}")


def look_up(username: str, mechanism: str) -> Generator[Question, Answer, Verifier]:
    """Return the directory's verifier for the name, or a decoy's."""
    answer = yield Lookup(username, mechanism)
    if not isinstance(answer, Verifier):
        raise TypeError(f"a Lookup is answered with a Verifier, not with {type(answer).__name__}")
    return answer


def decide(verifier: Verifier, proven: bool, mechanism: str, side: ServerSide) -> Verdict:
    """Return the verdict on a proof: every failure gets the same text, but its own reason."""
    if verifier.refusal is not None:
        return side.refuse(verifier.refusal.reason)
    if verifier.principal is None:
        return side.refuse("unknown_user: the directory has no such user")
    if not proven:
        return side.refuse("bad_credentials: the proof does not match the stored password")
    return verifier.principal.by(mechanism)


def decode(raw: bytes, what: str, limit: int) -> str:
    """Return ``raw`` as text; raises MalformedResponse when it is too long or not UTF-8."""
    if len(raw) > limit:
        raise MalformedResponse(f"{what} is longer than {limit} octets")
    text = None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        pass  # that exception carries the octets: raise ours outside of its context
    if text is None:
        raise MalformedResponse(f"{what} is not UTF-8")
    return text
