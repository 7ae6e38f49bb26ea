"""DIR/key: the secret from which all keys for stored secrets are derived."""

import base64
import hashlib
import os
import secrets
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gatepost.directory.contract import Record, Records
from gatepost.errors import ConfigError
from gatepost.model.secret import Secret
from gatepost.net.atomic_files import write_file
from gatepost.net.permission_checks import check_private

SIZE: Final = 32
DIGESTS: Final = "client secret digests"
"""The purpose of the key for digests of client secrets."""

_MISFIT: Final = "the key does not match the sealed data; was it lost or replaced?"
_ACCESS_KEY_DAMAGED: Final = (
    "an access key is damaged; `gatepost resource keys NAME --regenerate primary` (or secondary) "
    "makes another one"
)
_FINGERPRINT: Final = ("key", "fingerprint")
"""The record by which a store recognises the key that its records are encrypted with."""
SIGNING_KEY: Final = ("signing_key", "access tokens")
"""The record of the key that signs tokens; its id is the purpose of its encryption."""

_VERSION: Final = b"\x01"
_NONCE_SIZE: Final = 12


class Key:
    """32 random octets, never used directly: each purpose has its own key."""

    __slots__ = ("_root", "where")

    def __init__(self, root: bytes, where: str = "") -> None:
        if len(root) != SIZE:
            raise ConfigError(f"the key must have {SIZE} octets, not {len(root)}", where=where)
        self._root = root
        self.where = where

    def __repr__(self) -> str:
        return "Key(***)"

    def subkey(self, purpose: str) -> bytes:
        """Return the 32 octets for ``purpose``; they reveal nothing about the others."""
        return hashlib.blake2b(purpose.encode(), key=self._root, digest_size=SIZE).digest()

    def seal(self, secret: bytes, purpose: str) -> bytes:
        """Return ``secret`` encrypted and authenticated for this purpose."""
        nonce = os.urandom(_NONCE_SIZE)
        return _VERSION + nonce + self._cipher(purpose).encrypt(nonce, secret, _VERSION)

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Return the secret. Raises ConfigError if it was not encrypted with this key for this
        purpose."""
        version, nonce = sealed[:1], sealed[1 : 1 + _NONCE_SIZE]
        try:
            return self._cipher(purpose).decrypt(nonce, sealed[1 + _NONCE_SIZE :], version)
        except (InvalidTag, ValueError):
            raise ConfigError(_MISFIT, where=self.where) from None

    def seal_text(self, secret: Secret, purpose: str) -> str:
        """Return a secret encrypted as ``seal`` does, as text for a record."""
        return base64.b64encode(self.seal(secret.reveal().encode(), purpose)).decode()

    def unseal_text(self, sealed: str, purpose: str) -> Secret:
        """Return the secret. Raises ValueError and ConfigError."""
        return Secret(self.unseal(base64.b64decode(sealed), purpose).decode())

    def _cipher(self, purpose: str) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(self.subkey(f"seal: {purpose}"))


class SealedAccessKeys:
    """Implements ``rest.site.AccessKeys`` with DIR/key."""

    _PURPOSE: Final = "access keys"

    def __init__(self, key: Key) -> None:
        self._key = key

    def open(self, sealed: bytes) -> Secret:
        """See ``AccessKeys.open``."""
        try:
            return Secret(self._key.unseal(sealed, self._PURPOSE).decode())
        except ConfigError:  # ``check_key`` has found that the key is the right one
            raise ConfigError(_ACCESS_KEY_DAMAGED) from None

    def seal(self, key: Secret) -> bytes:
        """See ``AccessKeys.seal``."""
        return self._key.seal(key.reveal().encode(), self._PURPOSE)


def open_key(directory: Path) -> Key:
    """Return the key in ``directory``; the first call creates it, readable only for the owner.

    The caller holds the directory's lock. Raises ConfigError if the file is damaged, or others can
    use it.
    """
    path = directory / "key"
    try:
        key = Key(path.read_bytes(), str(path))
    except FileNotFoundError:
        root = secrets.token_bytes(SIZE)
        write_file(path, root)
        return Key(root, str(path))
    check_private(path)
    return key


async def check_key(key: Key, records: Records) -> None:
    """Raise ConfigError if the secrets in ``records`` were sealed with another key.

    Then they are not damaged, and must not be replaced.
    """
    await _has_fingerprint(key, records)


async def _has_fingerprint(key: Key, records: Records) -> bool:
    """Tell whether ``records`` have this key's fingerprint. Raises ConfigError if they have another
    one.

    Earlier versions stored no fingerprint; there the key that signs tokens shows the same.
    """
    stored = {(each.kind, each.id): each.fields for each in await records.load_records()}
    mark = stored.get(_FINGERPRINT, {})
    if _is_sound(mark):
        if mark != _fingerprint(key.subkey("fingerprint").hex()):
            raise ConfigError(_MISFIT, where=key.where)
        return True
    with suppress(LookupError, TypeError, ValueError):  # it is damaged
        key.unseal(base64.b64decode(stored[SIGNING_KEY]["sealed"]), SIGNING_KEY[1])
    return False


async def keep_fingerprint(key: Key, records: Records) -> None:
    """Store the key's fingerprint, if there is none. Raises ConfigError if there is another one."""
    if not await _has_fingerprint(key, records):
        fields = _fingerprint(key.subkey("fingerprint").hex())
        await records.save_records([Record(*_FINGERPRINT, fields)])


def _fingerprint(digest: str) -> dict[str, Any]:
    """Return a record's fields; the checksum distinguishes another key from damage."""
    return {"digest": digest, "sum": zlib.crc32(digest.encode())}


def _is_sound(fields: dict[str, Any]) -> bool:
    return fields == _fingerprint(str(fields.get("digest")))
