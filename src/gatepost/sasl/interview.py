"""The server's side of SASL as a generator (RFC 4422 3): it asks, the relay answers.

An interview yields

- ``Challenge(data)`` and is sent the client's response, decoded;
- ``Lookup(username)`` and is sent a ``Verifier`` (of a decoy, when the name is unknown);
- ``Verify(credentials)`` and is sent a ``Principal``, or a ``Reply`` that refuses.

It returns the verdict: a ``Principal`` or a refusing ``Reply``. It raises
``MalformedResponse`` when the client's response does not parse (501).
"""

from collections.abc import Generator
from dataclasses import dataclass

from gatepost.model.credentials import Credentials, Principal
from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class Challenge:
    """Bytes for the client, before base64."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Verify:
    """Is this so? ``mechanism`` tells the directory what it is asked to verify."""

    credentials: Credentials
    mechanism: str


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """What a server keeps of a password for SCRAM (RFC 5802 3)."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


@dataclass(frozen=True, slots=True)
class Verifier:
    """What the directory holds for one user name and mechanism, and the principal if it is proven.

    ``refusal`` is set for a decoy: the interview runs to its end and then refuses.
    ``digest_state`` is the key of CRAM-MD5's HMAC (RFC 2195).
    """

    principal: Principal | None
    refusal: Reply | None = None
    scram: ScramVerifier | None = None
    digest_state: bytes | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """Fetch the verifier of ``username`` for ``mechanism``."""

    username: str
    mechanism: str


Question = Challenge | Lookup | Verify
Answer = bytes | Verifier | Principal | Reply
Verdict = Principal | Reply
Interview = Generator[Question, Answer, Verdict]


class MalformedResponse(ValueError):
    """The client's response is not what the mechanism asks for."""
