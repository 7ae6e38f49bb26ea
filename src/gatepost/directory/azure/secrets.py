"""Client secrets: generated here, stored as keyed digests, compared in constant time."""

import base64
import hashlib
import hmac
import secrets
import string
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from gatepost.directory.azure.entries import Application, ClientSecret
from gatepost.directory.azure.resource_ids import new_guid
from gatepost.directory.scram_verifiers import GENERATED_ITERATIONS, make_scram
from gatepost.model.secret import Secret

LENGTH: Final = 40
"""Characters, from an alphabet of 66: 241 bits, so that a fast digest is enough for storage."""
LIFETIME: Final = timedelta(days=730)
"""Default lifetime of a secret: two years, as with Microsoft Graph's addPassword."""

ACCESS_KEY_SIZE: Final = 64
"""Octets."""

_FIRST: Final = string.ascii_letters + string.digits
_ALPHABET: Final = f"{_FIRST}~._-"
_DIGEST_SIZE: Final = 32
_NO_DIGEST: Final = bytes(_DIGEST_SIZE)


def generate_secret() -> Secret:
    """Return a new secret value in the characters that Entra uses."""
    rest = (secrets.choice(_ALPHABET) for _ in range(LENGTH - 1))
    return Secret(secrets.choice(_FIRST) + "".join(rest))


def generate_access_key() -> Secret:
    """Return a new access key of a resource, in the Base64 that Azure shows."""
    return Secret(base64.b64encode(secrets.token_bytes(ACCESS_KEY_SIZE)).decode())


def digest_of(value: str, key: bytes) -> bytes:
    """Return the keyed BLAKE2b digest of a secret value for storage."""
    raw = value.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(raw, key=key, digest_size=_DIGEST_SIZE).digest()


def new_secret(
    application: Application,
    key: bytes,
    start: datetime,
    lifetime: timedelta = LIFETIME,
    display_name: str = "",
) -> tuple[ClientSecret, Secret]:
    """Return a new secret of ``application`` for storage, and its value, which is available only
    now.

    It is valid from ``start`` for ``lifetime``.
    """
    value = generate_secret()
    entry = ClientSecret(
        new_guid(),
        application.id,
        digest_of(value.reveal(), key),
        start,
        start + lifetime,
        value.reveal()[:3],
        display_name,
        make_scram(value, GENERATED_ITERATIONS),
    )
    return entry, value


def matching_secret(secrets: Sequence[ClientSecret], digest: bytes) -> ClientSecret | None:
    """Return the secret with this digest.

    All are compared, and a decoy, so that the time does not show whether there are any.
    """
    match = None
    hmac.compare_digest(digest, _NO_DIGEST)
    for each in secrets:
        if hmac.compare_digest(digest, each.digest):
            match = each
    return match
