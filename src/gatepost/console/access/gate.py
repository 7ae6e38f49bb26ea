"""The credentials that open the console's listener: the token, passwords, cookies and tickets."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gatepost.console.access.logins import LoginRegistry
from gatepost.console.access.proxies import Network
from gatepost.console.access.throttle import FailureThrottle
from gatepost.console.access.tickets import Tickets
from gatepost.directory.passwords import HASHES_AT_ONCE, Hasher, PasswordHasher
from gatepost.model.console_access import ConsoleUser, PasswordUser
from gatepost.model.secret import Secret

if TYPE_CHECKING:
    from gatepost.console.access.entra_sign_in import EntraSignIn

TOKEN_USER: Final = ConsoleUser("token", "admin")
"""Who presents the token, or uses a ticket."""
OPEN_USER: Final = ConsoleUser("anonymous", "admin")
"""Who calls a mailbox API that needs no credentials."""
_LONGEST: Final = 1024
"""Octets of a password."""
_WAITING: Final = 20
"""Checks that may wait; others are refused."""
_REMEMBERED: Final = 100


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Which credentials are accepted, and for what."""

    token: str
    port: int
    """Ours: it is in the name of the cookie, because browsers send cookies to every port."""
    needs_token: bool = True
    """False: the mailbox API is open."""
    users: Sequence[PasswordUser] = ()
    proxies: tuple[Network, ...] = ()
    user_header: str = ""
    """The header in which a proxy names the user whom it has authenticated; empty: none does."""


class Gate:
    """Checks credentials. Passwords take time, in threads; everything else is decided at once."""

    def __init__(
        self,
        settings: GateSettings,
        now: Callable[[], datetime],
        seconds: Callable[[], float],
        own_seconds: Callable[[], float],
        hasher: Hasher | None = None,
        entra: "EntraSignIn | None" = None,
    ) -> None:
        """``now`` and ``seconds`` are the relay's time, by which tickets expire; ``own_seconds`` is
        the machine's, because whoever moves a test's clock stays signed in. ``entra`` is None if
        nobody signs in there."""
        self.settings, self.entra = settings, entra
        self.tickets = Tickets(seconds)
        self.logins = LoginRegistry(own_seconds, now)
        self.throttle = FailureThrottle(own_seconds)
        self._users = {each.name: each for each in settings.users}
        self._token = hashlib.sha256(settings.token.encode()).digest()
        self._hasher = hasher or PasswordHasher()
        self._checks, self._waiting = asyncio.Semaphore(HASHES_AT_ONCE), 0
        self._key = secrets.token_bytes(32)
        self._verified: dict[bytes, str] = {}
        """Users by the digest of a name and its password, so that each is hashed once."""

    def configure(self, settings: GateSettings, entra: "EntraSignIn | None") -> None:
        """Accept other credentials from now on; logins by those that have changed end."""
        before, is_same_entra = self._users, entra is self.entra
        self.settings, self.entra = settings, entra
        self._users = {each.name: each for each in settings.users}
        self._verified.clear()
        for login in self.logins:
            name, origin = login.user.name, login.user.origin
            has_changed = origin == "file" and self._users.get(name) != before.get(name)
            if has_changed or (origin == "entra" and not is_same_entra):
                self.logins.end(login)

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"gatepost-{self.settings.port}"

    @property
    def has_passwords(self) -> bool:
        """Whether anybody can sign in with a name and a password."""
        return any(each.verifier for each in self._users.values())

    def is_token(self, token: str) -> bool:
        """Tell whether this is the token."""
        return hmac.compare_digest(hashlib.sha256(token.encode()).digest(), self._token)

    def user_of_proxy(self, name: str) -> ConsoleUser | None:
        """Return the user whom a proxy has authenticated."""
        user = self._users.get(name)
        return ConsoleUser(user.name, user.role, "proxy") if user else None

    async def user_of_password(self, name: str, password: str) -> ConsoleUser | None:
        """Return the user of a name and a password; None if they are wrong."""
        user = self._users.get(name)
        if not self.has_passwords or not 0 < len(password.encode()) <= _LONGEST:
            return None
        proof = hmac.digest(self._key, f"{name}\0{password}".encode(), "sha256")
        if user is not None and self._verified.get(proof) == user.name:
            return ConsoleUser(user.name, user.role, "file")
        # An unknown name takes as long as a wrong password.
        verifier = user.verifier if user and user.verifier else self._any_verifier()
        is_right = await self._is_password(verifier, password)
        if user is None or not user.verifier or not is_right:
            return None
        while len(self._verified) >= _REMEMBERED:
            del self._verified[next(iter(self._verified))]
        self._verified[proof] = user.name
        return ConsoleUser(user.name, user.role, "file")

    def _any_verifier(self) -> Secret:
        return next(each.verifier for each in self._users.values() if each.verifier)

    async def _is_password(self, verifier: Secret, password: str) -> bool:
        if self._waiting >= _WAITING:
            return False
        self._waiting += 1
        try:
            async with self._checks:
                return await asyncio.to_thread(
                    self._hasher.matches, verifier.reveal(), password.encode()
                )
        finally:
            self._waiting -= 1

    async def user_of_authorization(self, value: str) -> ConsoleUser | None:
        """Return the user of an Authorization header: Bearer with the token, Basic with any name
        and the token, or with a user's name and password."""
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "bearer":
            return TOKEN_USER if self.is_token(rest.strip()) else None
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        if self.is_token(password):
            return TOKEN_USER
        return await self.user_of_password(name, password)
