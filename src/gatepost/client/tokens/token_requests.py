"""Token requests and their responses (RFC 6749 4.4, 5.1, 5.2), for any grant."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from gatepost.client.tokens.contract import AccessToken
from gatepost.errors import GatepostError, NoDescriptor, TokenError
from gatepost.model.oauth_errors import is_passing
from gatepost.model.secret import Secret
from gatepost.model.transcript import Transcript
from gatepost.net.http_client import Http, HttpRequest, HttpResponse

LEAST_LIFETIME: Final = 60.0
"""Assumed lifetime of a token in seconds if the response does not contain it."""
LONGEST_LIFETIME: Final = 86_400.0
LONGEST_TOKEN: Final = 65_536
_HEADERS: Final = {
    "content-type": "application/x-www-form-urlencoded",
    "accept": "application/json",
}
_SECRETS: Final = (
    "assertion", "client_assertion", "client_secret", "code", "code_verifier", "refresh_token",
)  # fmt: skip
"""Of a request."""
_ERROR: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,80}")  # RFC 6749 5.2
_AADSTS: Final = re.compile(r"AADSTS(\d{4,8})\b")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


async def ask_for_token(
    http: Http, endpoint: str, form: Mapping[str, str]
) -> tuple[AccessToken, Mapping[str, Any]]:
    """Return the token that ``endpoint`` issues for ``form``, and the rest of its response.

    Raises NoDescriptor, or TokenError: transient if the provider could not be reached or has a
    problem.
    """
    body = urlencode({name: value for name, value in form.items() if value}).encode()
    try:
        response = await http.ask(HttpRequest("POST", endpoint, _HEADERS, body))
    except NoDescriptor:
        raise
    except GatepostError as error:
        raise unreached(error) from error
    document = response.document()
    if response.status != 200 or (error_name(document) and "access_token" not in document):
        raise refused(response, _without_secrets(document, form), form.get("grant_type", ""))
    return read_token(document), document


def read_token(document: Mapping[str, Any]) -> AccessToken:
    """Return the token of a successful response. Raises TokenError if it contains none."""
    token, kind = bearer(document.get("access_token")), document.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenError(
            "the provider issued a token that is not a bearer token", is_transient=False
        )
    return AccessToken(Secret(token), _lifetime(document.get("expires_in")))


def bearer(token: object) -> str:
    """Return a bearer token (RFC 6750 2.1). Raises TokenError for any other type."""
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or len(token) > LONGEST_TOKEN:
        failure = TokenError("the provider's response contains no access token", is_transient=True)
        failure.slug = "provider_endpoint_changed"
        raise failure
    return token


def unreached(error: GatepostError) -> TokenError:
    """Return the error for a provider that did not answer."""
    failure = TokenError(f"no token: {error}", is_transient=True)
    failure.slug = error.slug
    return failure


def refused(response: HttpResponse, document: Mapping[str, Any], grant: str) -> TokenError:
    """Return the error for an unsuccessful response.

    Its description is not repeated, because a provider may quote the request; of Entra's, the
    number is used, which can be looked up.
    """
    error = error_name(document)
    number = error_number(document)
    code = f"AADSTS{number}" if number else error
    names = list(dict.fromkeys([error, code])) if code else ["without an OAuth error"]
    failure = TokenError(
        f"the provider issues no token: {' '.join([f'HTTP {response.status}', *names])}",
        is_transient=is_passing(response.status, error, number),
        error=error,
        number=number,
        retry_after=response.retry_after(datetime.now(UTC)),
    )
    failure.status, failure.grant = response.status, grant
    return failure


def _without_secrets(document: Mapping[str, Any], form: Mapping[str, str]) -> Mapping[str, Any]:
    """Remove secrets of the request from the name of an error: it should be a word of RFC 6749, but
    the provider chooses it."""
    error, transcript = document.get("error"), Transcript()
    if not isinstance(error, str):
        return document
    for name in _SECRETS:
        transcript.hide(form.get(name, ""))
    return {**document, "error": transcript.redact(error)}


def error_name(document: Mapping[str, Any]) -> str:
    """Return the OAuth error; empty if it is invalid (RFC 6749 5.2)."""
    error = document.get("error")
    return error if isinstance(error, str) and _ERROR.fullmatch(error) else ""


def error_number(document: Mapping[str, Any]) -> int:
    """Return the number of an Entra error, without AADSTS; 0 for others."""
    codes = document.get("error_codes")
    if isinstance(codes, list) and codes and type(codes[0]) is int:
        return codes[0]
    match = _AADSTS.search(str(document.get("error_description", "")))
    return int(match[1]) if match else 0


def _lifetime(expires_in: Any) -> float:
    """Return the seconds of ``expires_in``, which some providers write as a string."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError, OverflowError):
        return LEAST_LIFETIME
    return min(max(seconds, 0.0), LONGEST_LIFETIME) if math.isfinite(seconds) else LEAST_LIFETIME
