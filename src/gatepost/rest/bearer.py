"""Bearer tokens on HTTP requests (RFC 6750): the same check for every API.

A handler gives the permitted audiences::

    claims = authenticate_bearer(request, site, MANAGEMENT | own_audiences(request, site))
"""

import re
from collections.abc import Collection
from typing import Final

from starlette.requests import Request

from gatepost.directory.azure.tokens import Claims, InvalidToken
from gatepost.rest.errors import ApiError
from gatepost.rest.middleware import shown_route
from gatepost.rest.origin import host_of, origin, origins
from gatepost.rest.site import Site

_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)  # RFC 6750 2.1


def authenticate_bearer(request: Request, site: Site, audiences: Collection[str]) -> Claims:
    """Return the claims of the request's token, after verifying it.

    ``audiences``: those of ``directory.azure.tokens``, or ``own_audiences``. Raises ApiError 401:
    ``AuthenticationFailed``, or ``InvalidAuthenticationTokenAudience`` if the token is for another
    resource (the codes of Azure Resource Manager). The operator gets the reason.
    """
    token = read_bearer(request)
    if not token:
        raise _refusal(request, "AuthenticationFailed", _MISSING, "token_missing: no bearer token")
    try:
        return site.tokens.verify(token, audiences)
    except InvalidToken as error:
        slug, reason = error.slug, f"{error.slug}: {error}"
    report_token(request, site, reason)
    if slug == "token_audience_wrong":
        raise _refusal(request, "InvalidAuthenticationTokenAudience", _AUDIENCE, reason)
    if slug == "token_expired":
        raise _refusal(request, "ExpiredAuthenticationToken", _EXPIRED, reason)
    raise _refusal(request, "InvalidAuthenticationToken", _INVALID, reason)


def read_bearer(request: Request) -> str:
    """Return the token of a request; empty without one."""
    values = request.headers.getlist("authorization")
    match = _BEARER.fullmatch(values[0].strip()) if len(values) == 1 else None
    return match[1] if match is not None else ""


def report_token(request: Request, site: Site, reason: str) -> None:
    """Tell the operator why a token is refused."""
    site.report("token_refused", route=shown_route(request.scope), reason=reason)


def own_audiences(request: Request, site: Site) -> frozenset[str]:
    """Return the origin of the request, and its other names on this machine, as audiences; none if
    it is not an origin of this server.

    A program with another base URL requests a token for ``BASE/.default``. Clients choose the name
    in Host, so it must be one of the server's own, and not that of another resource.
    """
    names = origins(request)
    return names if site.names.has_name(host_of(request)) else frozenset()


_MISSING: Final = (
    "Authentication failed. The 'Authorization' header is missing or has no bearer token."
)
_AUDIENCE: Final = "The access token has been obtained for wrong audience or resource."
_EXPIRED: Final = "The access token expiry time is in the past; get a new token."
_INVALID: Final = "The access token is invalid."


def _refusal(request: Request, code: str, message: str, reason: str) -> ApiError:
    """Return a challenge (RFC 6750 3); it contains an error only if there was a token."""
    challenge = f'Bearer authorization_uri="{origin(request)}/common/oauth2/authorize"'
    if code != "AuthenticationFailed":
        challenge += f', error="invalid_token", error_description="{message}"'
    return ApiError(401, code, message, headers={"www-authenticate": challenge}, reason=reason)
