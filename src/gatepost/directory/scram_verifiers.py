"""The SCRAM verifiers of a password, created when it is set (RFC 5802)."""

import secrets
from collections.abc import Callable, Mapping
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
"""The minimum that clients accept; a generated password cannot be guessed anyway."""
CHOSEN_ITERATIONS: Final = 100_000
"""For passwords that people chose: some 30 ms of a client's time, once per login."""


@dataclass(frozen=True, slots=True)
class ScramVerifiers:
    """One for each supported hash; None if SASLprep prohibits the password."""

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


def random_salt(_digest: ScramHash) -> bytes:
    """Return a new salt, for a verifier that is stored."""
    return secrets.token_bytes(SALT_SIZE)


def make_scram(
    password: Secret, iterations: int, salt_of: Callable[[ScramHash], bytes] = random_salt
) -> ScramVerifiers:
    """Return the verifiers of a password.

    A verifier that is made anew at each start needs a ``derived_salt``: otherwise its salts would
    change, unlike those of a decoy, and show that the name exists.
    """
    try:
        return ScramVerifiers(
            scram_verifier(password, salt_of("sha1"), iterations, "sha1"),
            scram_verifier(password, salt_of("sha256"), iterations, "sha256"),
        )
    except UnusableCredentials:
        return ScramVerifiers()


def decoy(username: str, mechanism: str, key: bytes, iterations: int) -> ScramVerifier | None:
    """Return the verifier of a name that has none: always the same."""
    digest = HASHES.get(mechanism)
    return decoy_scram(username, key, iterations, digest) if digest else None


def unproven(refusal: Reply, username: str, mechanism: str, key: bytes) -> Verifier:
    """Return a verifier that no proof satisfies, and that looks like that of a chosen password."""
    return Verifier(
        None,
        refusal,
        decoy(username, mechanism, key, CHOSEN_ITERATIONS),
        key if mechanism == "CRAM-MD5" else None,
    )
