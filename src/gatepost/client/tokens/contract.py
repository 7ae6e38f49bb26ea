"""The plug point TokenSource: where access tokens come from."""

from dataclasses import dataclass
from typing import Protocol

from gatepost.errors import TokenError
from gatepost.model.secret import Secret


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token from an identity provider."""

    secret: Secret
    lifetime: float
    """Seconds of validity from the time of the request."""


def unreadable(text: str) -> TokenError:
    """Return the error for a secret that cannot be read where the configuration says."""
    failure = TokenError(text, is_transient=False)
    failure.slug = "credentials_missing"
    failure.fix = "Put it there, readable for the relay, and run gatepost queue retry --all."
    return failure


class TokenSource(Protocol):
    """One identity at one provider; ``tests/unit/client/tokens`` is the specification.

    It does not keep tokens; ``cache.TokenCache`` does. It reads its secret or key at each request,
    so that a rotated one is used at once.
    """

    @property
    def identity(self) -> str:
        """Name of the identity, for the operator; equal for sources of the same identity."""

    async def fetch(self, scope: str) -> AccessToken:
        """Request a new token. Raises TokenError; ConfigError if the secret or key cannot be read.

        The texts of the errors contain no secrets.
        """
