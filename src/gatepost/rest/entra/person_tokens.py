"""The tokens of a person who has signed in: access, ID and refresh token.

https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference,
https://learn.microsoft.com/entra/identity-platform/refresh-tokens
"""

import base64
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gatepost.directory.azure.entries import Application, Tenant
from gatepost.directory.azure.resource_ids import new_guid
from gatepost.directory.azure.tokens import LIFETIME, InvalidToken
from gatepost.rest.entra.authority import Authority, tenant_of
from gatepost.rest.entra.delegated import (
    OFFLINE,
    RequestedScopes,
    check_public_client,
    consented,
    read_scopes,
)
from gatepost.rest.entra.errors import CODE_INVALID, REFRESH_TOKEN_EXPIRED, EntraError
from gatepost.rest.entra.grant import find_application, proven_application
from gatepost.rest.entra.people import EmulatedPerson
from gatepost.rest.entra.token_request import Form
from gatepost.rest.site import Site

REFRESH_GRANT: Final = "refresh_token"
REFRESH_LIFETIME: Final = timedelta(days=90)
_REFRESH: Final = "gatepost:refresh"
"""The audience of refresh tokens, which no resource accepts."""
_BEFORE: Final = 300
"""Seconds by which Entra sets the start of a token back, for clients whose clock is slow."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who has signed in to an application of a tenant."""

    tenant: Tenant
    application: Application
    person: EmulatedPerson
    wanted: RequestedScopes
    nonce: str = ""


def client_of(site: Site, authority: Authority, form: Form) -> Application:
    """Return the application of a person's token request, which proves itself if it sends a
    credential. Raises EntraError."""
    tenant = tenant_of(authority)
    if {"client_secret", "client_assertion"} & form.keys():
        return proven_application(site, authority, tenant, form)
    application = find_application(site, form.need("client_id"), tenant)
    check_public_client(site, application)
    return application


def respond(site: Site, authority: Authority, signed_in: SignedIn) -> dict[str, Any]:
    """Return the response of the token endpoint. Raises EntraError without consent."""
    application, person, wanted = signed_in.application, signed_in.person, signed_in.wanted
    permissions = consented(site, application, wanted)
    seconds = int(LIFETIME.total_seconds())
    access_token = {
        **_common_claims(signed_in, site.now()),
        "aud": wanted.audience,
        "iss": authority.issuer,
        "appid": application.id,
        "scp": " ".join(permissions),
        "sub": person.id,
        "upn": person.name,
        "ver": "1.0",
    }
    response: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": _scope_of(wanted, permissions),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": site.tokens.sign(access_token).reveal(),
    }
    if OFFLINE in wanted.scopes:
        response["refresh_token"] = _refresh_token(site, signed_in)
    if "openid" in wanted.scopes:
        # whoever verifies it has the machine's clock, which may be behind ours
        id_token = _id_token(authority, signed_in, site.clients_time())
        response["id_token"] = site.tokens.sign(id_token).reveal()
    if {"openid", OFFLINE} & set(wanted.scopes):
        response["client_info"] = _client_info(signed_in)
    site.report("token_issued", application=application.id, resource="a person's sign-in")
    return response


def _scope_of(wanted: RequestedScopes, permissions: tuple[str, ...]) -> str:
    """Return the scopes of the access token as Entra writes them: with their resource."""
    if not wanted.is_of_exchange:
        return " ".join(wanted.scopes)
    return " ".join([f"{wanted.audience}/{each}" for each in permissions])


def _common_claims(signed_in: SignedIn, now: datetime) -> dict[str, Any]:
    """Return the claims of access and ID tokens."""
    start = int(now.timestamp()) - _BEFORE
    return {
        "iat": start,
        "nbf": start,
        "exp": start + _BEFORE + int(LIFETIME.total_seconds()),
        "oid": signed_in.person.id,
        "tid": signed_in.tenant.id,
        "name": signed_in.person.display_name,
        "uti": new_guid(),
    }


def _id_token(authority: Authority, signed_in: SignedIn, now: datetime) -> dict[str, Any]:
    person, client_id = signed_in.person, signed_in.application.id
    return {
        **_common_claims(signed_in, now),
        "aud": client_id,
        "iss": authority.url("v2.0"),
        "sub": uuid.uuid5(uuid.UUID(person.id), client_id).hex,
        "preferred_username": person.name,
        "ver": "2.0",
        **({"nonce": signed_in.nonce} if signed_in.nonce else {}),
        **({"roles": list(person.roles)} if person.roles else {}),
        **({"groups": list(person.groups)} if person.groups else {}),
    }


def _client_info(signed_in: SignedIn) -> str:
    """Return what msal calls the account by."""
    text = f'{{"uid":"{signed_in.person.id}","utid":"{signed_in.tenant.id}"}}'
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _refresh_token(site: Site, signed_in: SignedIn) -> str:
    """Return a token that needs no memory: one is issued at every use, and the old one stays
    valid."""
    now, person = site.now(), signed_in.person
    return site.tokens.sign(
        {
            "aud": _REFRESH,
            "nbf": int(now.timestamp()),
            "exp": int((now + REFRESH_LIFETIME).timestamp()),
            "tid": signed_in.tenant.id,
            "appid": signed_in.application.id,
            "oid": person.id,
            "upn": person.name,
            "scp": " ".join(signed_in.wanted.scopes),
            "name": person.display_name,
            "uti": new_guid(),
        }
    ).reveal()


def redeem_refresh_token(site: Site, authority: Authority, form: Form) -> dict[str, Any]:
    """Return the response to a refresh token. Raises EntraError."""
    application, tenant = client_of(site, authority, form), tenant_of(authority)
    token = form.need("refresh_token")
    wanted = read_scopes(form.need("scope").split())
    try:
        claims = site.tokens.verify(token, {_REFRESH}, of_people=True)
    except InvalidToken as error:
        if error.slug == "token_expired":
            raise EntraError(REFRESH_TOKEN_EXPIRED, f"refresh_token_expired: {error}") from None
        raise EntraError(CODE_INVALID, f"refresh_token_unknown: {error}") from None
    if (claims.application_id, claims.tenant_id) != (application.id, tenant.id):
        raise EntraError(CODE_INVALID, "refresh_token_of_another: it is of another application")
    name = claims.person
    person = EmulatedPerson(claims.principal_id, name, name.partition("@")[0])
    if OFFLINE in claims.scopes and OFFLINE not in wanted.scopes:  # a new one with every use
        wanted = RequestedScopes((*wanted.scopes, OFFLINE), wanted.audience, wanted.permissions)
    return respond(site, authority, SignedIn(tenant, application, person, wanted))
