"""Applications and their service principals: Entra's app registrations.

Codes and conditions are Microsoft Graph's (Graph v1.0, application and servicePrincipal).
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.entries import (
    Application,
    ClientCertificate,
    ClientSecret,
    Entry,
    RoleAssignment,
    ServicePrincipal,
    Tenant,
    principal_lookup,
)
from gatepost.directory.azure.resource_ids import new_guid
from gatepost.directory.azure.snapshot import Snapshot

NAME_LENGTH: Final = 256
"""Characters in a display name (Graph v1.0, application, displayName)."""
MOST_REDIRECT_URIS: Final = 256
_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that end a line, or control a terminal; other spaces and the joiners of
emoji are permitted in names."""


def create_application(
    snapshot: Snapshot,
    tenant_id: str,
    display_name: str,
    *,
    multitenant: bool = False,
    redirect_uris: Iterable[str] = (),
) -> Changes[Application]:
    """Register an application in a tenant; several may have the same name, as in Entra."""
    if snapshot.get(Tenant, tenant_id) is None:
        raise not_found(tenant_id)
    application = Application(
        new_guid(), new_guid(), tenant_id, checked_name(display_name), multitenant,
        _checked_uris(redirect_uris),
    )  # fmt: skip
    return Changes((application,), (), application)


def change_application(
    application: Application,
    *,
    display_name: str | None = None,
    multitenant: bool | None = None,
    redirect_uris: Iterable[str] | None = None,
) -> Changes[Application]:
    """Change what is not None."""
    if display_name is not None:
        application = replace(application, display_name=checked_name(display_name))
    if multitenant is not None:
        application = replace(application, multitenant=multitenant)
    if redirect_uris is not None:
        application = replace(application, redirect_uris=_checked_uris(redirect_uris))
    return Changes((application,), (), application)


def delete_application(snapshot: Snapshot, application: Application) -> Changes[Application]:
    """Delete an application, its credentials, and its service principals with their roles."""
    principals = [
        each
        for each in snapshot.all(ServicePrincipal)
        if each.application_id.lower() == application.key
    ]
    deleted = (
        application,
        *snapshot.find(ClientSecret, application.id),
        *snapshot.find(ClientCertificate, application.id),
        *principals_of(snapshot, principals),
    )
    return Changes((), deleted, application)


def create_service_principal(
    snapshot: Snapshot, application: Application, tenant_id: str
) -> Changes[ServicePrincipal]:
    """Create the service principal of an application in a tenant, so that roles can be assigned to
    it."""
    if snapshot.get(Tenant, tenant_id) is None:
        raise not_found(tenant_id)
    at_home = application.tenant_id.lower() == tenant_id.lower()
    if not at_home and not application.multitenant:
        raise Rejected(
            "Request_BadRequest", "the application is of another tenant and not multitenant"
        )
    if snapshot.find(ServicePrincipal, principal_lookup(application.id, tenant_id)):
        raise Rejected(
            "Request_MultipleObjectsWithSameKeyValue",
            "The service principal cannot be created, updated, or restored because the service "
            f"principal name {application.id} is already in use.",
            409,
        )
    principal = ServicePrincipal(new_guid(), application.id, tenant_id, application.display_name)
    return Changes((principal,), (), principal)


def delete_service_principal(
    snapshot: Snapshot, principal: ServicePrincipal
) -> Changes[ServicePrincipal]:
    """Delete a service principal and its role assignments."""
    return Changes((), tuple(principals_of(snapshot, [principal])), principal)


def principals_of(snapshot: Snapshot, principals: Iterable[ServicePrincipal]) -> Iterable[Entry]:
    """Yield service principals, each followed by its role assignments."""
    for principal in principals:
        yield principal
        yield from snapshot.find(RoleAssignment, principal.id)


def checked_name(text: str) -> str:
    """Return a name that can be shown in a line. Raises Rejected for others."""
    has_control = any(unicodedata.category(each) in _CONTROL for each in text)
    if not 1 <= len(text) <= NAME_LENGTH or has_control or text.isspace():
        raise Rejected(
            "Request_BadRequest",
            f"a display name must have 1 to {NAME_LENGTH} characters, none of them a control "
            "character",
        )
    return text


def _checked_uris(uris: Iterable[str]) -> tuple[str, ...]:
    """Return redirect URIs of the platform Web. Raises Rejected.

    https://learn.microsoft.com/entra/identity-platform/reply-url (limits, 2025)
    """
    checked = tuple(dict.fromkeys(uris))
    if len(checked) > MOST_REDIRECT_URIS or not all(map(_is_redirect_uri, checked)):
        raise Rejected(
            "Request_BadRequest",
            f"up to {MOST_REDIRECT_URIS} redirect URIs of {NAME_LENGTH} characters may be given; "
            "each must be https, or http on localhost, and have no fragment",
        )
    return checked


def _is_redirect_uri(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    )
    is_plain = uri.isascii() and uri.isprintable() and not set(' "<>\\#*') & set(uri)
    return is_safe and is_plain and bool(parts.hostname) and len(uri) <= NAME_LENGTH


def not_found(id: str) -> Rejected:
    """Return Graph's error for an object that does not exist."""
    return Rejected(
        "Request_ResourceNotFound",
        f"Resource '{id[:80]}' does not exist or one of its queried reference-property objects "
        "are not present.",
        404,
    )
