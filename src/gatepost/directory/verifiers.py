"""The SCRAM half of the verifiers that are made of a password when it is set (RFC 5802)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.exchange import UnusableCredentials
from gatepost.sasl.interview import ScramVerifier, Verifier
from gatepost.sasl.verifiers import SALT_SIZE, ScramHash, decoy_scram, scram_verifier

HASHES: Final[Mapping[str, ScramHash]] = {
    "SCRAM-SHA-1": "sha1",
    "SCRAM-SHA-1-PLUS": "sha1",
    "SCRAM-SHA-256": "sha256",
    "SCRAM-SHA-256-PLUS": "sha256",
}

GENERATED_ITERATIONS: Final = 4_096
"""The fewest that clients accept; what was generated cannot be guessed anyway."""
CHOSEN_ITERATIONS: Final = 100_000
"""For what a person thought of: some 30 ms of a client's time, once."""


@dataclass(frozen=True, slots=True)
class ScramVerifiers:
    """One for each hash that is offered; None where SASLprep prohibits the password."""

    sha1: ScramVerifier | None = field(default=None, repr=False)
    sha256: ScramVerifier | None = field(default=None, repr=False)

    def of(self, mechanism: str) -> ScramVerifier | None:
        """Return the one for a mechanism, or None."""
        match HASHES.get(mechanism):
            case "sha1":
                return self.sha1
            case "sha256":
                return self.sha256
            case "sha512" | None:
                return None


def make_scram(password: Secret, iterations: int) -> ScramVerifiers:
    """Return the verifiers of a password, each with a salt of its own."""
    try:
        return ScramVerifiers(
            scram_verifier(password, secrets.token_bytes(SALT_SIZE), iterations, "sha1"),
            scram_verifier(password, secrets.token_bytes(SALT_SIZE), iterations, "sha256"),
        )
    except UnusableCredentials:
        return ScramVerifiers()


def decoy(username: str, mechanism: str, key: bytes, iterations: int) -> ScramVerifier | None:
    """Return what is shown for a name that has no verifier: the same at every try."""
    digest = HASHES.get(mechanism)
    return decoy_scram(username, key, iterations, digest) if digest else None


def unproven(refusal: Reply, username: str, mechanism: str, key: bytes) -> Verifier:
    """Return a verifier that nothing satisfies, and that looks like one of a chosen password."""
    return Verifier(
        None,
        refusal,
        decoy(username, mechanism, key, CHOSEN_ITERATIONS),
        key if mechanism == "CRAM-MD5" else None,
    )
