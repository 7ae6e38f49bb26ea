"""``/{tenant}/oauth2/v2.0/authorize``: a person of the tenant signs in to an application.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow; OpenID Connect Core
1.0 3.1.2. There are no passwords: the page shows the people of the emulated tenant.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gatepost.directory.azure.entries import Application, Tenant
from gatepost.rest.entra.authority import find_authority, tenant_of
from gatepost.rest.entra.authorization_codes import Authorization, AuthorizationCodes
from gatepost.rest.entra.errors import (
    CHALLENGE_INVALID,
    NOT_SIGNED_IN,
    REDIRECT_UNKNOWN,
    RESPONSE_MODE_UNKNOWN,
    RESPONSE_TYPE_UNKNOWN,
    EntraError,
)
from gatepost.rest.entra.grant import find_application
from gatepost.rest.entra.people import EmulatedPerson, chosen_person, people_of
from gatepost.rest.entra.token_request import Form, parse_form, read_form
from gatepost.rest.site import Site

_MODES: Final = ("query", "fragment", "form_post")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_CHALLENGE: Final = 43
"""Characters of a SHA-256 digest in Base64."""
_SUBMIT: Final = "document.forms[0].submit()"
_HEADERS: Final = {
    "cache-control": "no-store, no-cache",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(_SUBMIT.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _SignIn:
    """An authorization request whose answer may go to its redirect URI."""

    tenant: Tenant
    application: Application
    redirect_uri: str
    is_registered: bool
    query: Form

    @property
    def mode(self) -> str:
        """The response mode."""
        mode = self.query.get("response_mode", "query")
        return mode if mode in _MODES else "query"


async def authorize(site: Site, request: Request, codes: AuthorizationCodes) -> Response:
    """Show the people (``GET``), or send the browser back with a code for one (``POST``)."""
    try:
        sign_in = _read(site, request)
        fields = await read_form(request, site.intake) if request.method == "POST" else Form()
    except EntraError as error:  # there is no address that could be trusted with it
        site.report(
            "token_not_issued", peer=request.client.host if request.client else "",
            application="", reply=f"{error.refusal.status} AADSTS{error.refusal.number}",
            reason=error.reason,
        )  # fmt: skip
        return _page("Sign in", f"<p>{escape(error.text)}</p>", 400)
    try:
        scopes = _check(sign_in)
        person = chosen_person(sign_in.tenant, fields)
        if person is None:
            return _page(f"Sign in to {sign_in.application.display_name}", _people(sign_in))
    except EntraError as error:
        refusal = {"error": error.refusal.error, "error_description": error.text}
        return _answer(sign_in, refusal)
    authorization = Authorization(
        sign_in.tenant.id,
        sign_in.application.id,
        sign_in.redirect_uri,
        scopes,
        person,
        sign_in.query.get("nonce", ""),
        sign_in.query.get("code_challenge", ""),
    )
    return _answer(sign_in, {"code": codes.issue(authorization)})


def _read(site: Site, request: Request) -> _SignIn:
    """Return the request, as far as it must be right before anything is sent to its redirect URI.

    Raises EntraError.
    """
    query = parse_form(request.scope["query_string"])
    tenant = tenant_of(find_authority(request, site))
    application = find_application(site, query.need("client_id"), tenant)
    redirect_uri = query.need("redirect_uri")
    registered = application.redirect_uris
    # Without registered ones, those of this machine: tests listen at any port.
    if redirect_uri not in registered and (registered or not _is_loopback(redirect_uri)):
        raise EntraError(
            REDIRECT_UNKNOWN,
            "redirect_unknown: the application has no such redirect URI",
            uri=redirect_uri,
            application=application.id,
        )
    return _SignIn(tenant, application, redirect_uri, bool(registered), query)


def _is_loopback(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    is_plain = uri.isascii() and uri.isprintable() and not {" ", "\\", "#"} & set(uri)
    is_ours = parts.hostname in _LOOPBACK and "@" not in parts.netloc
    return parts.scheme in ("http", "https") and is_plain and is_ours


def _check(sign_in: _SignIn) -> tuple[str, ...]:
    """Return the scopes. Raises EntraError for the redirect URI."""
    query = sign_in.query
    if (kind := query.need("response_type")) != "code":
        raise EntraError(RESPONSE_TYPE_UNKNOWN, kind=kind)
    if (mode := query.get("response_mode", "query")) not in _MODES:
        raise EntraError(RESPONSE_MODE_UNKNOWN, mode=mode)
    scopes = tuple(query.need("scope").split())
    challenge = query.get("code_challenge", "")
    is_right = len(challenge) == _CHALLENGE and query.get("code_challenge_method") == "S256"
    if query.get("prompt") == "none":
        raise EntraError(NOT_SIGNED_IN)
    if not is_right and (challenge or not sign_in.is_registered):
        raise EntraError(CHALLENGE_INVALID)
    return scopes


def _answer(sign_in: _SignIn, values: Mapping[str, str]) -> Response:
    """Send the browser to the redirect URI."""
    fields = {**values, **({"state": sign_in.query["state"]} if "state" in sign_in.query else {})}
    if sign_in.mode == "form_post":
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, value in fields.items()
        )
        action = escape(sign_in.redirect_uri)
        form = f'<form method="post" action="{action}">{inputs}<button>Continue</button></form>'
        return _page("Sign in", f"{form}<script>{_SUBMIT}</script>")
    mark = "#" if sign_in.mode == "fragment" else "&" if "?" in sign_in.redirect_uri else "?"
    return RedirectResponse(f"{sign_in.redirect_uri}{mark}{urlencode(fields)}", 303, _HEADERS)


def _people(sign_in: _SignIn) -> str:
    """Return the form in which a test chooses who signs in."""
    hint = sign_in.query.get("login_hint", "").lower()
    people = sorted(people_of(sign_in.tenant), key=lambda each: each.name.lower() != hint)
    return (
        "<p>This is Gatepost in the place of Microsoft Entra. Choose who signs in; "
        f'nobody has a password.</p><form method="post">{"".join(map(_button, people))}</form>'
        "<h2>Somebody else</h2>"
        '<form method="post"><label>Name <input name="name" required></label>'
        '<label>App roles <input name="roles"></label>'
        '<label>Groups (object ids) <input name="groups"></label>'
        "<button>Sign in</button></form>"
    )


def _button(person: EmulatedPerson) -> str:
    roles = ", ".join(person.roles) or "no app role"
    return (
        f'<button name="as" value="{escape(person.name)}"><b>{escape(person.display_name)}</b> '
        f"{escape(person.name)} <i>{escape(roles)}</i></button>"
    )


def _page(title: str, body: str, status: int = 200) -> Response:
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:3rem auto;padding:0 1rem}"
        "button,input{font:inherit;padding:.6rem;margin:.2rem 0;width:100%;text-align:left;"
        "box-sizing:border-box}label{display:block}"
    )
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
        _HEADERS,
    )
