"""RSA keys by names: making one takes a tenth of a second."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key


@cache
def rsa_key(name: str = "") -> RSAPrivateKey:
    """Return the key of 2048 bits that has this name in this process and in its forks."""
    return generate_private_key(65_537, 2048)


rsa_key()  # so that forks have the same
