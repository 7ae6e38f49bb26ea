"""Authentication at the HTTP API of a provider: a key as it is, as a password, or as a signature.

They implement HttpSignIn. The secrets are read for each request, so that a new one is used at once.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from gatepost.client.aws_signature import AwsKey, sign
from gatepost.client.tokens.contract import unreadable
from gatepost.errors import ConfigError, TokenError
from gatepost.model.secret import Secret
from gatepost.model.transcript import Transcript
from gatepost.net.http_client import HttpRequest

REMEMBERED: Final = 8
"""Secrets that are removed from texts of the provider: those of the last rotations."""


class HiddenSecrets:
    """The secrets that requests have shown or used, to remove them from what a provider says."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()
        self._transcript = Transcript()

    def add(self, *secrets: str) -> None:
        """Hide these, too."""
        new = [each for each in secrets if each and each not in self._secrets]
        if not new:
            return
        self._secrets = (*self._secrets, *new)[-REMEMBERED:]
        self._transcript = Transcript()
        for each in self._secrets:
            self._transcript.hide(each)

    def redact(self, text: str) -> str:
        """Return a text without them, in whatever form they are in it."""
        return self._transcript.redact(text)


@dataclass(frozen=True, slots=True)
class KeySignIn:
    """A key in a header field: ``Authorization: App KEY``."""

    identity: str
    key: Callable[[], Secret]
    """Reads it; raises ConfigError."""
    header: str = "authorization"
    prefix: str = ""
    hidden: HiddenSecrets = field(default_factory=HiddenSecrets)

    async def authorize(self, request: HttpRequest) -> HttpRequest:
        """See ``HttpSignIn``."""
        key = _read(self.key)
        self.hidden.add(key)
        return replace(request, headers={**request.headers, self.header: f"{self.prefix}{key}"})

    def try_replace(self, _request: HttpRequest, /) -> bool:
        """There is no other key."""
        return False


@dataclass(frozen=True, slots=True)
class BasicKeySignIn:
    """A key as the password of a fixed user name (RFC 7617)."""

    identity: str
    username: str
    key: Callable[[], Secret]
    hidden: HiddenSecrets = field(default_factory=HiddenSecrets)

    async def authorize(self, request: HttpRequest) -> HttpRequest:
        """See ``HttpSignIn``."""
        key = _read(self.key)
        proof = base64.b64encode(f"{self.username}:{key}".encode()).decode()
        self.hidden.add(key, proof)
        return replace(request, headers={**request.headers, "authorization": f"Basic {proof}"})

    def try_replace(self, _request: HttpRequest, /) -> bool:
        """There is no other key."""
        return False


@dataclass(frozen=True, slots=True)
class AwsSignIn:
    """An access key of Amazon Web Services; it signs and is never sent."""

    identity: str
    id: str
    secret: Callable[[], Secret]
    session_token: Callable[[], Secret] | None
    region: str
    service: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    hidden: HiddenSecrets = field(default_factory=HiddenSecrets)

    async def authorize(self, request: HttpRequest) -> HttpRequest:
        """See ``HttpSignIn``."""
        token = _read(self.session_token) if self.session_token is not None else ""
        key = AwsKey(self.id, _read(self.secret), token)
        self.hidden.add(key.secret, key.session_token)
        return sign(request, key, self.region, self.service, self.now())

    def try_replace(self, _request: HttpRequest, /) -> bool:
        """There is no other key."""
        return False


ProviderCredential = KeySignIn | BasicKeySignIn | AwsSignIn


def _read(secret: Callable[[], Secret]) -> str:
    """Return a secret for a header field. Raises TokenError."""
    try:
        text = secret().reveal()
    except ConfigError as error:
        raise unreadable(f"no key: {error}") from error
    if not text.isascii() or not text.isprintable() or not text:
        raise TokenError("the key has characters that no key has", is_transient=False)
    return text
