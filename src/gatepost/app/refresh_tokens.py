"""Refresh tokens that a provider gave in place of the configured one: kept under DIR, sealed."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gatepost.app.files import write_file
from gatepost.app.keys import Key
from gatepost.errors import ConfigError
from gatepost.model.secret import Secret

DIRECTORY: Final = "tokens"
_PURPOSE: Final = "refresh token"
_DIGEST: Final = 32


class KeptToken:
    """The token of one credential, the newest there is.

    What is kept counts as long as the configured one is the one that it took the place of; when
    an operator puts in another, that one counts.
    """

    def __init__(self, key: Key, name: str, configured: Callable[[], Secret]) -> None:
        """``key`` lies beside the tokens; ``configured`` raises ConfigError."""
        self._key, self._configured = key, configured
        self._path = Path(key.where).parent / DIRECTORY / name

    def read(self) -> Secret:
        """Return the newest token. Raises ConfigError."""
        configured = self._configured()
        try:
            plain = self._key.unseal(self._path.read_bytes(), _PURPOSE)
        except (OSError, ConfigError):  # none is kept, or it is not ours
            return configured
        if plain[:_DIGEST] != self._mark(configured):
            return configured
        return Secret(plain[_DIGEST:].decode("utf-8", "surrogateescape"))

    def keep(self, token: Secret) -> None:
        """Keep a token that takes the place of the configured one. Raises OSError."""
        plain = token.reveal().encode("utf-8", "surrogateescape")
        self._path.parent.mkdir(0o700, exist_ok=True)
        write_file(self._path, self._key.seal(self._mark(self._configured()) + plain, _PURPOSE))

    def _mark(self, token: Secret) -> bytes:
        """What the configured token is known again by."""
        octets = token.reveal().encode("utf-8", "surrogateescape")
        key = self._key.subkey("configured refresh tokens")
        return hashlib.blake2b(octets, key=key, digest_size=_DIGEST).digest()
