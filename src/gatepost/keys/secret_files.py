"""The files with secrets of credentials, watched for replacement."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.client.named_secret import NamedSecret
from gatepost.client.tokens.azure import POD_TOKEN
from gatepost.config.settings import (
    AzureIdentityCredential,
    CertificateCredential,
    CredentialSettings,
)
from gatepost.errors import ConfigError

LOOK: Final = 5.0
"""Seconds between two checks."""

_State = tuple[int, int, int]


class SecretFiles:
    """Watches the files of all credentials.

    ``changed`` gets the names of credentials with a new secret. A file that is written again with
    the same secret has not changed: a refused login is not repeated because of it. Each file is
    read by its name, so that a link may change, too, as with secrets that Kubernetes mounts.
    """

    def __init__(self, changed: Callable[[list[str]], None]) -> None:
        self._changed = changed
        self._key = secrets.token_bytes(16)
        self._files: dict[str, tuple[NamedSecret, ...]] = {}
        """The files of each credential."""
        self._states: dict[NamedSecret, _State | None] = {}
        self._rotating: frozenset[NamedSecret] = frozenset()
        """Files that are renewed all the time: only their creation counts."""
        self._marks: dict[NamedSecret, bytes] = {}
        """Marks of the secrets that could be read."""
        self._watching: asyncio.TimerHandle | None = None

    def follow(self, credentials: Iterable[CredentialSettings]) -> None:
        """Watch the files of these credentials from now on."""
        credentials = tuple(credentials)
        self._files = {each.name: tuple(_files_of(each)) for each in credentials}
        pods = [each for each in credentials if isinstance(each, AzureIdentityCredential)]
        self._rotating = frozenset(file for each in pods for file in self._files[each.name])
        self._states.clear()
        self._marks.clear()
        for each in {each for files in self._files.values() for each in files}:
            self._try_update(each)

    def look(self) -> None:
        """Report what has changed."""
        changed = {each for each in list(self._states) if self._try_update(each)}
        names = [name for name, files in self._files.items() if not changed.isdisjoint(files)]
        if names:
            self._changed(names)

    def watch(self) -> None:
        """Check every few seconds from now on, until ``close``."""
        self._watching = asyncio.get_running_loop().call_later(LOOK, self.watch)
        self.look()

    def close(self) -> None:
        """Stop checking."""
        if self._watching is not None:
            self._watching.cancel()

    def _try_update(self, file: NamedSecret) -> bool:
        """Read a file if it has changed; return whether it has a new secret."""
        state = _state_of(file)
        if file in self._states and state == self._states[file]:
            return False
        self._states[file] = state  # before it is read, so that a later change is noticed
        try:
            octets = file.read().reveal().encode("utf-8", "surrogateescape")
        except ConfigError:  # if it comes back, it counts as another one
            self._marks.pop(file, None)
            return False
        mark = hashlib.blake2b(octets, key=self._key).digest()
        before, self._marks[file] = self._marks.get(file), mark
        return before is None or (mark != before and file not in self._rotating)


def _files_of(credential: CredentialSettings) -> Iterator[NamedSecret]:
    if isinstance(credential, CertificateCredential):
        names = filter(None, (credential.certificate, credential.key))
        yield from [NamedSecret("file", each) for each in names]
        return
    if isinstance(credential, AzureIdentityCredential) and (token := os.environ.get(POD_TOKEN)):
        yield NamedSecret("file", token)
    for name in credential.__slots__:
        value = getattr(credential, name)
        if isinstance(value, NamedSecret) and value.kind != "environment":
            yield value


def _state_of(file: NamedSecret) -> _State | None:
    """Return what changes if a file is written again or replaced."""
    with suppress(OSError, ConfigError):
        stat = Path(file.path()).stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
    return None
