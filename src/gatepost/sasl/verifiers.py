"""What a server stores instead of a password, created when that is set (RFC 5802 3).

The weakest verifier decides how hard it is to search a stolen store: for passwords that people
chose, use as many SCRAM iterations as the clients allow.
"""

import hashlib
import hmac
from typing import Final, Literal

from gatepost.model.secret import Secret
from gatepost.sasl.exchange import UnusableCredentials, encode
from gatepost.sasl.interview import ScramVerifier
from gatepost.sasl.saslprep import saslprep

ScramHash = Literal["sha1", "sha256", "sha512"]

SALT_SIZE: Final = 16


def prepare(text: str, what: str, *, stored: bool) -> str:
    """Return ``text`` after SASLprep; raises UnusableCredentials if it is not permitted."""
    encode(text, what)
    try:
        prepared = saslprep(text, stored=stored)
    except ValueError as prohibited:
        raise UnusableCredentials(f"SCRAM cannot carry {what}: {prohibited}") from None
    if not prepared:
        raise UnusableCredentials(f"{what} is empty")
    return prepared


def salted_password(password: Secret, salt: bytes, iterations: int, digest: ScramHash) -> bytes:
    """Return SaltedPassword. This is the slow step: 4,096 iterations take about one millisecond."""
    prepared = prepare(password.reveal(), "the password", stored=True)
    return hashlib.pbkdf2_hmac(digest, prepared.encode(), salt, iterations)


def client_key(salted: bytes, digest: ScramHash) -> bytes:
    """Return ClientKey; the client proves that it has it."""
    return hmac.digest(salted, b"Client Key", digest)


def server_key(salted: bytes, digest: ScramHash) -> bytes:
    """Return ServerKey; the server proves that it has it."""
    return hmac.digest(salted, b"Server Key", digest)


def scram_verifier(
    password: Secret, salt: bytes, iterations: int, digest: ScramHash
) -> ScramVerifier:
    """Return what a server stores of ``password`` for SCRAM.

    Raises UnusableCredentials if SASLprep prohibits the password: then SCRAM is not possible for
    this user.
    """
    salted = salted_password(password, salt, iterations, digest)
    stored = hashlib.new(digest, client_key(salted, digest)).digest()
    return ScramVerifier(salt, iterations, stored, server_key(salted, digest))


def derived_salt(username: str, key: bytes, digest: ScramHash) -> bytes:
    """Return a salt that is always the same for a name, and random to all without ``key``."""
    return _derive(b"salt\0", username, key, digest)[:SALT_SIZE]


def decoy_scram(username: str, key: bytes, iterations: int, digest: ScramHash) -> ScramVerifier:
    """Return the verifier of a name that does not exist: always the same, and never matched.

    ``key`` is the server's own secret; without it nobody can recognise a decoy by its salt.
    """
    salt = derived_salt(username, key, digest)
    stored, server = [
        _derive(purpose, username, key, digest) for purpose in (b"stored\0", b"server\0")
    ]
    return ScramVerifier(salt, iterations, stored, server)


def _derive(purpose: bytes, username: str, key: bytes, digest: ScramHash) -> bytes:
    return hmac.digest(key, purpose + username.encode("utf-8", "surrogateescape"), digest)


def cram_md5_state(password: Secret) -> bytes:
    """Return what a server must keep for CRAM-MD5: the HMAC key, which is the password itself.

    RFC 2195 proposes the two inner MD5 states, from which the password cannot be read, but hashlib
    can neither export nor import a state. So this must be encrypted when it is stored, and is only
    created if the operator enabled CRAM-MD5.
    """
    return encode(password.reveal(), "the password")
