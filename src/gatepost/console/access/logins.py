"""Who is signed in to the console in which browser."""

import hashlib
import hmac
import math
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gatepost.model.console_access import ConsoleUser

IDLE: Final = 12 * 3600.0
"""Seconds without a request after which a login ends."""
_MOST: Final = 1000
_LONGEST_AGENT: Final = 200


@dataclass(eq=False, slots=True)
class ConsoleLogin:
    """A browser that is signed in."""

    user: ConsoleUser
    peer: str
    agent: str
    """What the browser calls itself."""
    at: datetime
    id: str
    """Names the login in lists; it is not what the cookie contains."""
    form_token: str
    """What forms of this login's pages contain."""
    seen: float
    """When the last request came, in the seconds of the registry's clock."""
    ends: float = math.inf
    """When it ends even if it is used, in the same seconds."""
    on_end: set[Callable[[], object]] = field(default_factory=set)
    """Called when it ends: they end its open streams."""

    def is_over(self, seconds: float) -> bool:
        """Tell whether it has ended, or was not used for too long."""
        return seconds - self.seen > IDLE or seconds >= self.ends

    def is_form_token(self, token: str) -> bool:
        """Tell whether a form was one of this login's pages."""
        return hmac.compare_digest(token.encode(), self.form_token.encode())


class LoginRegistry:
    """All logins, by the digests of the secrets in the cookies. They end with the process."""

    def __init__(self, seconds: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._seconds, self._now = seconds, now
        self._logins: dict[bytes, ConsoleLogin] = {}

    def __iter__(self) -> Iterator[ConsoleLogin]:
        """Iterate over the logins, oldest first."""
        self._drop_ended()
        return iter(list(self._logins.values()))

    def begin(self, user: ConsoleUser, peer: str, agent: str, lasts: float = math.inf) -> str:
        """Return the secret of a new login, for the cookie; it ends after ``lasts`` seconds."""
        self._drop_ended()
        while len(self._logins) >= _MOST:
            self._end(next(iter(self._logins)))
        secret, seconds = secrets.token_urlsafe(32), self._seconds()
        self._logins[_digest(secret)] = ConsoleLogin(
            user, peer, agent[:_LONGEST_AGENT], self._now(), secrets.token_hex(8),
            secrets.token_urlsafe(32), seconds, seconds + lasts,
        )  # fmt: skip
        return secret

    def find(self, secret: str) -> ConsoleLogin | None:
        """Return the login of a cookie, and note that it was used."""
        key = _digest(secret)
        login = self._logins.get(key)
        if login is None:
            return None
        if login.is_over(self._seconds()):
            self._end(key)
            return None
        login.seen = self._seconds()
        return login

    def end(self, login: ConsoleLogin) -> None:
        """Sign out one browser."""
        for key in [key for key, each in self._logins.items() if each is login]:
            self._end(key)

    def end_all(self) -> int:
        """Sign out all browsers; return their number."""
        keys = list(self._logins)
        for key in keys:
            self._end(key)
        return len(keys)

    def _drop_ended(self) -> None:
        seconds = self._seconds()
        for key in [key for key, each in self._logins.items() if each.is_over(seconds)]:
            self._end(key)

    def _end(self, key: bytes) -> None:
        for each in list(self._logins.pop(key).on_end):
            each()


def _digest(secret: str) -> bytes:
    """Return the key: looking up a digest takes no time that depends on the secret."""
    return hashlib.sha256(secret.encode()).digest()
