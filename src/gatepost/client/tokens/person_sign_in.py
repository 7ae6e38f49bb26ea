"""A person signs in once, in a browser or with a device code; the result is a refresh token.

RFC 6749 4.1, RFC 7636 (PKCE), RFC 8252 7.3 (loopback redirection), RFC 8628 (device codes).
"""

import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from gatepost.client.tokens.token_requests import (
    ask_for_token,
    error_name,
    error_number,
    refused,
    unreached,
)
from gatepost.errors import GatepostError, NoDescriptor, TokenError
from gatepost.model.secret import Secret
from gatepost.net.http_client import Http, HttpRequest

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
MORE: Final = 5.0
"""Seconds by which ``slow_down`` makes the interval longer (RFC 8628 3.5)."""
_INTERVAL: Final = 5.0
_SHORTEST: Final = 1.0
_LONGEST: Final = 3_600.0
"""Seconds; a provider that says less or more is not believed."""
_HEADERS: Final = {
    "content-type": "application/x-www-form-urlencoded",
    "accept": "application/json",
}


@dataclass(frozen=True, slots=True)
class PersonClient:
    """The application to which people sign in, and its endpoints."""

    authorization_endpoint: str
    token_endpoint: str
    device_endpoint: str
    """Empty: the provider has none that gives tokens for mail."""
    client_id: str
    scope: str
    secret: Secret | None = None
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Further ones of the authorization request."""


@dataclass(frozen=True, slots=True)
class PersonTokens:
    """What a sign-in gave."""

    access_token: Secret
    refresh_token: Secret


@dataclass(frozen=True, slots=True)
class BrowserRequest:
    """A sign-in that a browser begins; ``url`` is to be opened."""

    url: str
    state: str
    redirect_uri: str
    verifier: Secret


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A sign-in for which somebody enters ``user_code`` at ``where``."""

    where: str
    user_code: str
    device_code: Secret
    interval: float
    lifetime: float
    """Seconds."""


def begin_browser(client: PersonClient, redirect_uri: str, hint: str = "") -> BrowserRequest:
    """Return the request to open in a browser; ``hint`` names who signs in."""
    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(24)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect_uri,
        "scope": client.scope,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        **client.parameters,
        **({"login_hint": hint} if hint else {}),
    }
    url = f"{client.authorization_endpoint}?{urlencode(query)}"
    return BrowserRequest(url, state, redirect_uri, Secret(verifier))


async def finish_browser(
    http: Http, client: PersonClient, request: BrowserRequest, answer: Mapping[str, str]
) -> PersonTokens:
    """Return the tokens for the parameters with which the browser came back. Raises TokenError."""
    if "code" not in answer:
        error, number = error_name(answer), error_number(answer)
        names = " ".join(dict.fromkeys([error, f"AADSTS{number}" if number else error]))
        raise TokenError(
            f"the sign-in ended without a code: {names or 'no reason was given'}",
            is_transient=False,
            error=error,
            number=number,
        )
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": request.redirect_uri,
        "code_verifier": request.verifier.reveal(),
        "scope": client.scope,
    }
    return await _ask(http, client, form)


async def begin_device(http: Http, client: PersonClient) -> DeviceRequest:
    """Ask for a device code. Raises TokenError."""
    secret = client.secret.reveal() if client.secret is not None else ""
    fields = {"client_id": client.client_id, "scope": client.scope, "client_secret": secret}
    form = urlencode({name: value for name, value in fields.items() if value}).encode()
    try:
        response = await http.ask(HttpRequest("POST", client.device_endpoint, _HEADERS, form))
    except NoDescriptor:
        raise
    except GatepostError as error:
        raise unreached(error) from error
    document = response.document()
    where = document.get("verification_uri") or document.get("verification_url")
    codes = document.get("user_code"), document.get("device_code")
    is_whole = all(
        isinstance(each, str) and each and each.isprintable() for each in (*codes, where)
    )
    if response.status != 200 or not is_whole:
        raise refused(response, document, DEVICE_GRANT)
    return DeviceRequest(
        str(where),
        str(codes[0]),
        Secret(str(codes[1])),
        _seconds(document.get("interval"), _INTERVAL),
        _seconds(document.get("expires_in"), _LONGEST),
    )


async def finish_device(
    http: Http,
    client: PersonClient,
    request: DeviceRequest,
    sleep: Callable[[float], Awaitable[None]],
) -> PersonTokens:
    """Ask until the person has signed in, and return the tokens. Raises TokenError."""
    form = {"grant_type": DEVICE_GRANT, "device_code": request.device_code.reveal()}
    interval, left = request.interval, request.lifetime
    while True:
        await sleep(interval)
        left -= interval
        try:
            return await _ask(http, client, form)
        except TokenError as error:
            is_slower = error.error == "slow_down"
            is_open = is_slower or error.error == "authorization_pending" or error.is_transient
            if left <= 0 or not is_open:
                raise
            interval += MORE if is_slower else 0.0


async def _ask(http: Http, client: PersonClient, form: Mapping[str, str]) -> PersonTokens:
    secret = client.secret.reveal() if client.secret is not None else ""
    fields = {**form, "client_id": client.client_id, "client_secret": secret}
    token, document = await ask_for_token(http, client.token_endpoint, fields)
    refresh = document.get("refresh_token")
    if not isinstance(refresh, str) or not refresh:
        raise TokenError("the provider gave no refresh token", is_transient=False)
    return PersonTokens(token.secret, Secret(refresh))


def _seconds(value: Any, usual: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return min(max(float(value), _SHORTEST), _LONGEST) if is_number and value > 0 else usual
