"""Refresh tokens that a provider issued instead of the configured one: stored encrypted under
DIR."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.errors import ConfigError
from gatepost.keys.store_key import Key
from gatepost.model.operator_event import ReportEvent
from gatepost.model.secret import Secret
from gatepost.net.atomic_files import write_file
from gatepost.net.file_owners import make_private_directory

DIRECTORY: Final = "tokens"
AGAIN: Final = 60.0
"""Seconds after which a failed write is repeated."""
FORGOTTEN: Final = 365 * 86_400.0
"""Seconds after which a token that follows no configured one is removed. Until then an operator may
return to the old configuration; providers end tokens that were unused for half a year, or
sooner."""
_PURPOSE: Final = "refresh token"
_DIGEST: Final = 32

Read = Callable[[], Secret]
"""Reads a configured token. Raises ConfigError."""


class StoredRefreshTokens:
    """The newest tokens of all credentials of a relay.

    Each is stored under a mark of the configured token that it follows, so that credentials with
    the same token, for example with different scopes, share the newest one, and a newly configured
    token takes effect. A token that cannot be written is used nevertheless, also over a reload, and
    is written later.
    """

    def __init__(self, key: Key, report: ReportEvent) -> None:
        """``key`` encrypts the tokens."""
        self._key, self._report = key, report
        self._directory = Path(key.where).parent / DIRECTORY
        self._unwritten: dict[bytes, tuple[str, Secret]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def of(self, name: str, configured: Read) -> "StoredRefreshToken":
        """Return the reader and keeper of a credential's token."""
        return StoredRefreshToken(self, name, configured)

    def mark_of(self, token: Secret) -> bytes:
        """Return the mark by which a configured token is recognised."""
        octets = token.reveal().encode("utf-8", "surrogateescape")
        key = self._key.subkey("configured refresh tokens")
        return hashlib.blake2b(octets, key=key, digest_size=_DIGEST).digest()

    def newest(self, mark: bytes, name: str) -> Secret | None:
        """Return the newest token that follows the one with this mark; None if it is that one
        itself."""
        if mark in self._unwritten:
            return self._unwritten[mark][1]
        for path in (self._directory / mark.hex(), self._directory / name):
            try:
                plain = self._key.unseal(path.read_bytes(), _PURPOSE)
            except (OSError, ConfigError):  # none is stored, or it is encrypted with another key
                continue
            if plain[:_DIGEST] == mark:
                return Secret(plain[_DIGEST:].decode("utf-8", "surrogateescape"))
        return None

    def keep(self, mark: bytes, name: str, token: Secret) -> None:
        """Keep a token that replaces all earlier ones.

        The operator is told if it cannot be written: after a restart, somebody might have to sign
        in again.
        """
        is_late = mark in self._unwritten
        try:
            self._write(mark, name, token)
        except OSError as error:
            self._unwritten[mark] = name, token
            self._report(
                "refresh_token_not_kept", credential=name, reason=error.strerror or str(error)
            )
            self._try_later()
            return
        self._unwritten.pop(mark, None)
        if is_late:
            self._report("refresh_token_kept", credential=name)

    def seal_newest(self, mark: bytes, name: str) -> bytes | None:
        """Return the newest token that follows the one with this mark, encrypted, for others with
        the same key; None if it is that one itself."""
        token = self.newest(mark, name)
        if token is None:
            return None
        plain = token.reveal().encode("utf-8", "surrogateescape")
        return self._key.seal(mark + plain, _PURPOSE)

    def adopt(self, mark: bytes, name: str, sealed: bytes) -> None:
        """Keep the token that ``seal_newest`` has returned elsewhere. Raises ConfigError if the key
        there is another one."""
        plain = self._key.unseal(sealed, _PURPOSE)
        token = Secret(plain[_DIGEST:].decode("utf-8", "surrogateescape"))
        if plain[:_DIGEST] == mark and token != self.newest(mark, name):
            self.keep(mark, name, token)

    def _try_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AGAIN, self._try_again)

    def _try_again(self) -> None:
        self._timer = None
        for mark, (name, token) in list(self._unwritten.items()):
            with suppress(OSError):  # that was reported
                self._write(mark, name, token)
                del self._unwritten[mark]
                self._report("refresh_token_kept", credential=name)
        if self._unwritten:
            self._try_later()

    def _write(self, mark: bytes, name: str, token: Secret) -> None:
        plain = token.reveal().encode("utf-8", "surrogateescape")
        make_private_directory(self._directory)
        write_file(self._directory / mark.hex(), self._key.seal(mark + plain, _PURPOSE))
        (self._directory / name).unlink(missing_ok=True)

    def keep_only(self, configured: Mapping[str, Read]) -> None:
        """Remove old tokens that follow none of these, which are by the names of their
        credentials."""
        oldest = time.time() - FORGOTTEN
        try:
            wanted = {*configured, *[self.mark_of(read()).hex() for read in configured.values()]}
            for path in self._directory.iterdir():
                if path.name not in wanted and path.stat().st_mtime < oldest:
                    path.unlink()
        except (ConfigError, OSError):  # removed later
            return

    def close(self) -> None:
        """Write what is not written yet, for the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._try_again()
        if self._timer is not None:
            self._timer.cancel()


class StoredRefreshToken:
    """The newest token that follows a credential's configured one."""

    def __init__(self, tokens: StoredRefreshTokens, name: str, configured: Read) -> None:
        """``name`` is the credential's, under which earlier versions stored it."""
        self._tokens, self._name, self._configured = tokens, name, configured
        self._mark = b""
        """The mark of the configured token when it was last read."""

    def read(self) -> Secret:
        """Return the newest token. Raises ConfigError."""
        configured = self._configured()
        self._mark = self._tokens.mark_of(configured)
        return self._tokens.newest(self._mark, self._name) or configured

    def key(self) -> str:
        """Return the key of the configured token, by which other nodes know it. Raises
        ConfigError."""
        self._mark = self._tokens.mark_of(self._configured())
        return self._mark.hex()

    def seal_newest(self) -> bytes | None:
        """Return the newest token, encrypted; None if it is the configured one."""
        return self._tokens.seal_newest(self._mark, self._name)

    def adopt(self, sealed: bytes) -> None:
        """Keep a token that another node has sealed. Raises ConfigError."""
        self._tokens.adopt(self._mark, self._name, sealed)

    def keep(self, token: Secret) -> None:
        """Keep a token that replaces the one that was last read. The operator may have
        configured another one meanwhile."""
        self._tokens.keep(self._mark, self._name, token)
