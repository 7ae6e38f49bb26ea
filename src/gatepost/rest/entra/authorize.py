"""``/{tenant}/oauth2/v2.0/authorize``: a person of the tenant signs in to an application.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow; OpenID Connect Core
1.0 3.1.2. There are no passwords: the page shows the people of the emulated tenant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gatepost.directory.azure.entries import Application, Tenant
from gatepost.rest.entra.authority import find_authority, tenant_of
from gatepost.rest.entra.authorization_codes import Authorization, AuthorizationCodes
from gatepost.rest.entra.delegated import RequestedScopes, ask_for_consent, read_scopes
from gatepost.rest.entra.errors import (
    CHALLENGE_INVALID,
    NOT_SIGNED_IN,
    REDIRECT_UNKNOWN,
    RESPONSE_MODE_UNKNOWN,
    RESPONSE_TYPE_UNKNOWN,
    EntraError,
)
from gatepost.rest.entra.grant import find_application
from gatepost.rest.entra.pages import (
    HEADERS,
    consent_form,
    people_form,
    self_submitting_form,
    show_page,
)
from gatepost.rest.entra.people import (
    PERSON_FIELDS,
    EmulatedPerson,
    chosen_person,
    mailboxes_of,
    people_of,
)
from gatepost.rest.entra.token_request import Form, parse_form, read_form
from gatepost.rest.site import Site

_MODES: Final = ("query", "fragment", "form_post")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_CHALLENGE: Final = 43
"""Characters of a SHA-256 digest in Base64."""


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
        return show_page("Sign in", f"<p>{escape(error.text)}</p>", 400)
    try:
        return await _sign_in(site, sign_in, fields, codes)
    except EntraError as error:
        refusal = {"error": error.refusal.error, "error_description": error.text}
        return _answer(sign_in, refusal)


async def _sign_in(
    site: Site, sign_in: _SignIn, fields: Form, codes: AuthorizationCodes
) -> Response:
    """Ask for the person and its consent, then send the code. Raises EntraError."""
    wanted = _check(sign_in)
    application, tenant = sign_in.application, sign_in.tenant
    person = chosen_person(tenant, fields, mailboxes_of(site))
    if person is None:
        people = _people(site, sign_in)
        return show_page(f"Sign in to {application.display_name}", people_form(people, {}))
    missing = await ask_for_consent(site, application, wanted, fields.get("consent", ""))
    if missing:
        chosen = {name: fields[name] for name in PERSON_FIELDS if name in fields}
        return show_page("Permissions requested", consent_form(application, missing, chosen))
    authorization = Authorization(
        tenant.id,
        application.id,
        sign_in.redirect_uri,
        wanted.scopes,
        person,
        sign_in.query.get("nonce", ""),
        sign_in.query.get("code_challenge", ""),
    )
    return _answer(sign_in, {"code": codes.issue(authorization)})


def _people(site: Site, sign_in: _SignIn) -> Sequence[EmulatedPerson]:
    """Return those who can sign in, the one whom the client has named first."""
    hint = sign_in.query.get("login_hint", "").lower()
    people = people_of(sign_in.tenant, mailboxes_of(site))
    return sorted(people, key=lambda each: each.name.lower() != hint)


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


def _check(sign_in: _SignIn) -> RequestedScopes:
    """Return what is wanted. Raises EntraError for the redirect URI."""
    query = sign_in.query
    if (kind := query.need("response_type")) != "code":
        raise EntraError(RESPONSE_TYPE_UNKNOWN, kind=kind)
    if (mode := query.get("response_mode", "query")) not in _MODES:
        raise EntraError(RESPONSE_MODE_UNKNOWN, mode=mode)
    wanted = read_scopes(query.need("scope").split())
    challenge = query.get("code_challenge", "")
    is_right = len(challenge) == _CHALLENGE and query.get("code_challenge_method") == "S256"
    if query.get("prompt") == "none":
        raise EntraError(NOT_SIGNED_IN)
    if not is_right and (challenge or not sign_in.is_registered):
        raise EntraError(CHALLENGE_INVALID)
    return wanted


def _answer(sign_in: _SignIn, values: Mapping[str, str]) -> Response:
    """Send the browser to the redirect URI."""
    fields = {**values, **({"state": sign_in.query["state"]} if "state" in sign_in.query else {})}
    if sign_in.mode == "form_post":
        return show_page("Sign in", self_submitting_form(sign_in.redirect_uri, fields))
    mark = "#" if sign_in.mode == "fragment" else "&" if "?" in sign_in.redirect_uri else "?"
    return RedirectResponse(f"{sign_in.redirect_uri}{mark}{urlencode(fields)}", 303, HEADERS)
