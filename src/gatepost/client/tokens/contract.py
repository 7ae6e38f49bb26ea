"""Where access tokens come from: the plug point, and what it gives."""

from dataclasses import dataclass
from typing import Protocol

from gatepost.errors import TokenError
from gatepost.model.secret import Secret


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token as an identity provider gave it."""

    secret: Secret
    lifetime: float
    """Seconds from when it was asked for."""


def unreadable(told: str) -> TokenError:
    """Return the error for a secret that is not where the configuration says."""
    failure = TokenError(told, is_transient=False)
    failure.slug = "credentials_missing"
    failure.fix = "Put it there, readable for the relay, and say gatepost queue retry --all."
    return failure


class TokenSource(Protocol):
    """One identity at one provider; ``tests/unit/client/tokens`` is the specification.

    It keeps no token: ``cache.TokenCache`` does. What it needs to prove itself is read at each
    request, so that a rotated secret counts at once.
    """

    @property
    def identity(self) -> str:
        """Who it is, for the operator; the same for sources that stand for the same identity."""

    async def fetch(self, scope: str) -> AccessToken:
        """Ask for a new token. Raises TokenError; ConfigError when what proves it cannot be read.

        Their texts hold no secret.
        """
