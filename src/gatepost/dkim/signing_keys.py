"""Private keys that sign, and what is published of them."""

import base64
from dataclasses import dataclass, field
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

KeyAlgorithm = Literal["rsa", "ed25519"]
ALGORITHMS: Final[tuple[KeyAlgorithm, ...]] = ("rsa", "ed25519")
BITS: Final = 2048
"""Of a new RSA key; longer ones are not verified everywhere (RFC 8301 3.2)."""
LEAST_BITS: Final = 1024
"""Shorter keys must not be used (RFC 8301 3.2)."""
MOST_BITS: Final = 4096
"""Verifiers need not know longer ones (RFC 8301 3.2)."""
_EXPONENT: Final = 65_537
_SHA256: Final = Prehashed(SHA256())

PrivateKey = RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of a domain; both names are A-labels in lower case."""

    domain: str
    selector: str
    private: PrivateKey = field(repr=False, compare=False)
    public: str = field(init=False)
    """What the tag ``p`` of its record has (RFC 6376 3.6.1, RFC 8463 4)."""

    def __post_init__(self) -> None:
        """Encode the public key, once for all who ask."""
        object.__setattr__(self, "public", base64.b64encode(public_octets(self.private)).decode())

    @property
    def algorithm(self) -> KeyAlgorithm:
        """The name in the tag ``k`` of its record."""
        return "rsa" if isinstance(self.private, RSAPrivateKey) else "ed25519"

    @property
    def name(self) -> str:
        """The name of its record in the DNS."""
        return f"{self.selector}._domainkey.{self.domain}"

    def sign(self, digest: bytes) -> bytes:
        """Return the signature of a SHA-256 digest (RFC 8463 3: Ed25519 signs the digest)."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(digest, PKCS1v15(), _SHA256)
        return self.private.sign(digest)


def make_private_key(algorithm: KeyAlgorithm) -> PrivateKey:
    """Return a new key."""
    if algorithm == "rsa":
        return generate_private_key(_EXPONENT, BITS)
    return Ed25519PrivateKey.generate()


def parse_private_key(pem: bytes) -> PrivateKey:
    """Return the key in a PEM file. Raises ValueError if it is none that can sign."""
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:
        raise ValueError("the key is encrypted: store it without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it is no private key in PEM format") from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("DKIM knows RSA and Ed25519 keys only")  # noqa: TRY004
    if not LEAST_BITS <= key.key_size <= MOST_BITS:
        problem = f"it has {key.key_size} bits; RSA keys have {LEAST_BITS} to {MOST_BITS}"
        raise ValueError(f"{problem} (RFC 8301 3.2)")
    return key


def is_weak(key: PrivateKey) -> bool:
    """Tell whether signers should not use a key any more (RFC 8301 3.2)."""
    return isinstance(key, RSAPrivateKey) and key.key_size < BITS


def as_pem(key: PrivateKey) -> bytes:
    """Return a key as its file has it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_octets(key: PrivateKey) -> bytes:
    """Return the public key as its record has it, before Base64."""
    if isinstance(key, RSAPrivateKey):
        return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def bare_public_octets(key: RSAPrivateKey) -> bytes:
    """Return the public key without its algorithm, as RFC 6376 3.6.1 names it, and some publish."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
