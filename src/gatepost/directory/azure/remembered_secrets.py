"""Secrets that signed in a moment ago: the token that was got for one outlives it."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

_MAX_KEPT: Final = 10_000


class RememberedSecrets:
    """User names and digests of secrets that were proven, for ``lifetime`` from then on.

    Until 2024 the documentation said that the provider keeps no token; it is silent since
    (Microsoft Learn, SMTP authentication). So this is a setting, and off.
    """

    def __init__(self, lifetime: timedelta) -> None:
        self._lifetime = lifetime
        self._until: OrderedDict[tuple[str, bytes], datetime] = OrderedDict()

    def remember(self, username: str, digest: bytes, now: datetime) -> None:
        """The secret with that digest signed ``username`` in: a token was got for it."""
        key = username.lower(), digest
        if not self.has(username, digest, now):  # a token is kept, not renewed at every use
            self._until[key] = now + self._lifetime
            self._until.move_to_end(key)
        while len(self._until) > _MAX_KEPT:
            self._until.popitem(last=False)

    def has(self, username: str, digest: bytes, now: datetime) -> bool:
        """Tell whether a token is still there. The digest is keyed, so its search tells nothing."""
        until = self._until.get((username.lower(), digest))
        return until is not None and now < until
