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
    """The newest of the tokens that followed a configured one.

    It lies under what that one is known by, so that credentials with the same token (for several
    scopes, say) have the same newest one; when an operator puts in another, that one counts.
    """

    def __init__(self, key: Key, name: str, configured: Callable[[], Secret]) -> None:
        """``key`` lies beside the tokens; ``configured`` raises ConfigError. ``name`` is the
        credential's, under which earlier versions kept it."""
        self._key, self._configured = key, configured
        self._directory = Path(key.where).parent / DIRECTORY
        self._before = self._directory / name
        self._mark = b""
        """Of what was configured when it was read last."""

    def read(self) -> Secret:
        """Return the newest token. Raises ConfigError."""
        configured = self._configured()
        self._mark = mark = self._mark_of(configured)
        for path in (self._directory / mark.hex(), self._before):
            try:
                plain = self._key.unseal(path.read_bytes(), _PURPOSE)
            except (OSError, ConfigError):  # none is kept, or it is not ours
                continue
            if plain[:_DIGEST] == mark:
                return Secret(plain[_DIGEST:].decode("utf-8", "surrogateescape"))
        return configured

    def keep(self, token: Secret) -> None:
        """Keep a token that takes the place of the one that was read last, for which it was given:
        an operator may have put in another meanwhile. Raises OSError."""
        plain, mark = token.reveal().encode("utf-8", "surrogateescape"), self._mark
        self._directory.mkdir(0o700, exist_ok=True)
        write_file(self._directory / mark.hex(), self._key.seal(mark + plain, _PURPOSE))
        self._before.unlink(missing_ok=True)

    def _mark_of(self, token: Secret) -> bytes:
        """What the configured token is known again by."""
        octets = token.reveal().encode("utf-8", "surrogateescape")
        key = self._key.subkey("configured refresh tokens")
        return hashlib.blake2b(octets, key=key, digest_size=_DIGEST).digest()
