"""A refresh token of any OAuth 2.0 provider (RFC 6749 6)."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from gatepost.client.tokens.contract import AccessToken
from gatepost.client.tokens.token_requests import ask_for_token
from gatepost.model.secret import Secret
from gatepost.net.http_client import Http

GRANT = "refresh_token"


@dataclass(frozen=True, slots=True)
class RefreshClient:
    """The client, its endpoint, and its user."""

    token_endpoint: str
    client_id: str
    user: str
    """The user who consented; tokens of different users are never mixed up."""
    secret: Callable[[], Secret] | None = None
    """Reads the client's own secret; None: it has none."""
    credential: str = ""
    """The name of the token in the configuration, because two tokens of one user may have different
    permissions."""


class RefreshToken:
    """A TokenSource: a user has consented once, and the client uses the refresh token from then on.

    A provider may return a new refresh token with each response, which may invalidate the old one.
    The new one is used from then on and given to ``keep``, until the configured one changes,
    because then an operator has replaced it. Only one request is made at a time: a client that
    sends a replaced token may lose all its tokens (RFC 9700 4.14.2).
    """

    def __init__(
        self,
        http: Http,
        client: RefreshClient,
        token: Callable[[], Secret],
        keep: Callable[[Secret], None] = lambda _: None,
        turn: AbstractAsyncContextManager[None] | None = None,
    ) -> None:
        """``token`` reads the configured or saved one; it raises ConfigError. ``keep`` raises
        nothing. Sources that may have the same token share ``turn``, such as a Lock."""
        self._http, self._client, self._token, self._keep = http, client, token, keep
        self._turn = turn or asyncio.Lock()
        self._read: Secret | None = None
        self._newest: Secret | None = None

    @property
    def identity(self) -> str:
        client = self._client
        by = f"client {client.client_id} {client.credential}".rstrip()
        return f"{client.user} by {by} at {client.token_endpoint}"

    async def fetch(self, scope: str) -> AccessToken:
        async with self._turn:
            return await self._fetch(scope)

    async def _fetch(self, scope: str) -> AccessToken:
        secret = self._client.secret
        form = {
            "grant_type": GRANT,
            "refresh_token": self._current().reveal(),
            "client_id": self._client.client_id,
            "client_secret": secret().reveal() if secret is not None else "",
            "scope": scope,
        }
        token, document = await ask_for_token(self._http, self._client.token_endpoint, form)
        rotated = document.get("refresh_token")
        if isinstance(rotated, str) and rotated and rotated != form["refresh_token"]:
            self._newest = Secret(rotated)
            self._keep(self._newest)
        return token

    def _current(self) -> Secret:
        read = self._token()
        if self._newest is None or self._read != read:
            self._read, self._newest = read, read
        return self._newest
