"""Secrets that signed in a moment ago: the token that the provider got for one is valid longer."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

_MAX_KEPT: Final = 10_000


class RememberedSecrets:
    """User names and digests of successful secrets, for ``lifetime`` after the login.

    Until 2024 the documentation said that the provider keeps no token; now it says nothing
    (Microsoft Learn, SMTP authentication). So this is a setting, and off by default.
    """

    def __init__(self, lifetime: timedelta) -> None:
        self._lifetime = lifetime
        self._until: OrderedDict[tuple[str, bytes], datetime] = OrderedDict()

    def remember(self, username: str, digest: bytes, now: datetime) -> None:
        """Note that the secret with this digest signed ``username`` in, which got a token."""
        key = username.lower(), digest
        if not self.has(username, digest, now):  # a token is not renewed at every use
            self._until[key] = now + self._lifetime
            self._until.move_to_end(key)
        while len(self._until) > _MAX_KEPT:
            self._until.popitem(last=False)

    def has(self, username: str, digest: bytes, now: datetime) -> bool:
        """Tell whether there is still a token. As the digest is keyed, this reveals nothing."""
        until = self._until.get((username.lower(), digest))
        return until is not None and now < until
