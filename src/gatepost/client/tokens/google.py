"""A Google service account, for itself or for a user of its Workspace (RFC 7523 2.1).

https://developers.google.com/identity/protocols/oauth2/service-account
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from gatepost.client.tokens.contract import AccessToken
from gatepost.client.tokens.token_requests import ask_for_token
from gatepost.errors import TokenError
from gatepost.model.secret import Secret
from gatepost.net.http_client import Http

GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE: Final = "https://mail.google.com/"
"""The scope for SMTP at Gmail (https://developers.google.com/workspace/gmail/imap/xoauth2)."""
LIFETIME: Final = 3600
"""Seconds; the maximum at Google."""

_DELEGATION: Final = (
    "Have an administrator of the Workspace give the service account's client ID domain-wide "
    f"delegation for the scope {SCOPE}"
)
_FIXES: Final = {
    "invalid_grant": (
        "Check that this machine's clock is right, that the service account's key still exists "
        "and that the user name is a mailbox of the Workspace."
    ),
    "unauthorized_client": f"{_DELEGATION}.",
    "access_denied": f"{_DELEGATION}.",
}
"""By OAuth error; Google, "Using OAuth 2.0 for server to server applications", error codes."""


class _Key(msgspec.Struct, frozen=True):
    """The required fields of the key file from the console."""

    client_email: str
    private_key: str
    token_uri: str
    private_key_id: str = ""


class GoogleServiceAccount:
    """A TokenSource: the account signs with the key in its key file.

    ``subject`` is the mailbox for which it sends by domain-wide delegation; empty: its own.
    """

    def __init__(
        self,
        http: Http,
        name: str,
        key_file: Callable[[], Secret],
        subject: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``name`` is for the operator; ``key_file`` reads the JSON; it raises ConfigError."""
        self._http, self._name, self._key_file = http, name, key_file
        self._subject, self._clock = subject, clock

    @property
    def identity(self) -> str:
        acting = f" for {self._subject}" if self._subject else ""
        return f"Google service account {self._name}{acting}"

    async def fetch(self, scope: str) -> AccessToken:
        key = read_key(self._key_file())
        now = int(self._clock())
        claims = {
            "iss": key.client_email,
            "scope": scope or SCOPE,
            "aud": key.token_uri,
            "iat": now,
            "exp": now + LIFETIME,
        }
        if self._subject:
            claims["sub"] = self._subject
        assertion = await asyncio.to_thread(_sign, key, claims)
        form = {"grant_type": GRANT, "assertion": assertion}
        try:
            token, _ = await ask_for_token(self._http, key.token_uri, form)
        except TokenError as error:
            error.fix = _FIXES.get(error.error, error.fix)
            raise
        return token


def read_key(text: Secret) -> _Key:
    """Return the contents of a key file. Raises TokenError."""
    try:
        return msgspec.json.decode(text.reveal(), type=_Key)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        raise TokenError(
            "the key file is not the JSON that Google issues for a service account",
            is_transient=False,
        ) from None


def _sign(key: _Key, claims: dict[str, Any]) -> str:
    import jwt  # noqa: PLC0415 - slow to import, and most identities need none

    headers = {"kid": key.private_key_id} if key.private_key_id else None
    try:
        return jwt.encode(claims, key.private_key, "RS256", headers)
    except (ValueError, TypeError, jwt.PyJWTError):
        raise TokenError(
            "the private key in the key file cannot be used", is_transient=False
        ) from None
