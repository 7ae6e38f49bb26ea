"""Passwords that people chose: slow to guess from storage, quick to verify again for a while.

Argon2id if the cryptographic library has it, otherwise scrypt; the encoded form has the name of the
function, so that both can be read.
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

# RFC 9106 4 with the memory and passes that OWASP gives for one lane (2024): about 30 ms.
ARGON2_MEMORY: Final = 19_456
ARGON2_PASSES: Final = 2
# RFC 7914; OWASP's figures (2024): 2 ** 15 * 8 * 128 = 32 MiB, three lanes.
SCRYPT_COST: Final = 2**15
SCRYPT_BLOCK: Final = 8
SCRYPT_LANES: Final = 3
HASHES_AT_ONCE: Final = 2
"""For one directory, or the console: each hash needs a processor and 19 MiB."""

_SALT_SIZE: Final = 16
_HASH_SIZE: Final = 32
_SCRYPT: Final = re.compile(
    r"\$scrypt\$(?:ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$)?([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)"
)
_FIRST_COST: Final = (15, 8, 3)
"""The cost of verifiers without a cost, which the first version created."""


class Hasher(Protocol):
    """Makes and checks verifiers; slow on purpose, so call it in a thread."""

    def hash(self, password: bytes) -> str:
        """Return the encoded verifier of a password, with a fresh salt."""

    def decoy(self) -> str:
        """Return at once what no password matches, which takes as long to find as for any other
        verifier."""

    def matches(self, encoded: str, password: bytes) -> bool:
        """Tell whether the password is the one. Raises ValueError for an unknown encoding."""


class PasswordHasher:
    """Argon2id, or scrypt where OpenSSL is too old for it."""

    def hash(self, password: bytes) -> str:
        try:
            return _argon2_hash(password)
        except UnsupportedAlgorithm:
            return scrypt_hash(password)

    def decoy(self) -> str:
        digest = secrets.token_bytes(_HASH_SIZE)
        try:
            return _argon2_decoy(digest)
        except UnsupportedAlgorithm:
            return _encode_scrypt(secrets.token_bytes(_SALT_SIZE), digest)

    def matches(self, encoded: str, password: bytes) -> bool:
        if encoded.startswith("$scrypt$"):
            return _matches_scrypt(encoded, password)
        return _matches_argon2(encoded, password)


def _argon2_hash(password: bytes) -> str:
    return _argon2(secrets.token_bytes(_SALT_SIZE)).derive_phc_encoded(password)


def _argon2_decoy(digest: bytes) -> str:
    salt = secrets.token_bytes(_SALT_SIZE)
    _argon2(salt)  # raises UnsupportedAlgorithm
    encoded = "$".join(_encode(each).rstrip("=") for each in (salt, digest))
    return f"$argon2id$v=19$m={ARGON2_MEMORY},t={ARGON2_PASSES},p=1${encoded}"


def _argon2(salt: bytes) -> "Argon2id":
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 - may be missing

    return Argon2id(
        salt=salt, length=_HASH_SIZE, iterations=ARGON2_PASSES, lanes=1, memory_cost=ARGON2_MEMORY
    )


def _matches_argon2(encoded: str, password: bytes) -> bool:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 - may be missing

    if not encoded.startswith("$argon2id$"):
        raise ValueError("not an encoded password")
    try:
        Argon2id.verify_phc_encoded(password, encoded)
    except InvalidKey:
        return False
    return True


def scrypt_hash(password: bytes) -> str:
    """Return the encoded scrypt verifier of a password, which says what it cost."""
    salt = secrets.token_bytes(_SALT_SIZE)
    return _encode_scrypt(salt, _scrypt(password, salt, SCRYPT_COST, SCRYPT_BLOCK, SCRYPT_LANES))


def _encode_scrypt(salt: bytes, digest: bytes) -> str:
    exponent = SCRYPT_COST.bit_length() - 1
    return (
        f"$scrypt$ln={exponent},r={SCRYPT_BLOCK},p={SCRYPT_LANES}${_encode(salt)}${_encode(digest)}"
    )


def _matches_scrypt(encoded: str, password: bytes) -> bool:
    match = _SCRYPT.fullmatch(encoded)
    if match is None:
        raise ValueError("not an encoded password")
    parameters = match.group(1, 2, 3)
    exponent, block, lanes = map(int, parameters) if match[1] else _FIRST_COST
    salt, digest = map(base64.b64decode, match.group(4, 5))
    return hmac.compare_digest(digest, _scrypt(password, salt, 1 << exponent, block, lanes))


def _scrypt(password: bytes, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    memory = 128 * block * cost * 2
    return hashlib.scrypt(
        password, salt=salt, n=cost, r=block, p=lanes, maxmem=memory, dklen=_HASH_SIZE
    )


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
