"""Tenants: Entra directories."""

import re
from typing import Final

from gatepost.directory.azure.changes.applications import delete_application, principals_of
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.entries import (
    Application,
    Entry,
    ServicePrincipal,
    Subscription,
    Tenant,
)
from gatepost.directory.azure.resource_ids import is_guid, new_guid
from gatepost.directory.azure.snapshot import Snapshot

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_RESERVED: Final = frozenset({"common", "organizations", "consumers"})
"""Names in a token endpoint's path that mean no particular tenant."""


def create_tenant(snapshot: Snapshot, domain: str) -> Changes[Tenant]:
    """Create a tenant whose first domain is ``domain``; its id is a new GUID.

    Raises Rejected if it is not a domain name, or is used by another tenant.
    """
    if not _DOMAIN.fullmatch(domain) or domain.lower() in _RESERVED or is_guid(domain):
        raise Rejected(
            "Request_BadRequest", f"the name of a tenant must be a domain, not {domain[:80]!r}"
        )
    if any(each.domain.lower() == domain.lower() for each in snapshot.all(Tenant)):
        raise Rejected(
            "Request_MultipleObjectsWithSameKeyValue",
            f"there is already a tenant with the domain {domain}",
            409,
        )
    tenant = Tenant(new_guid(), domain)
    return Changes((tenant,), (), tenant)


def delete_tenant(snapshot: Snapshot, tenant: Tenant) -> Changes[Tenant]:
    """Delete a tenant, its applications, and its service principals of other applications.

    Raises Rejected while it has subscriptions, as Azure does.
    """
    key = tenant.key
    subscriptions = [each for each in snapshot.all(Subscription) if each.tenant_id.lower() == key]
    if subscriptions:
        names = ", ".join(each.display_name or each.name for each in subscriptions)
        raise Rejected("Conflict", f"the tenant has subscriptions; delete them first: {names}", 409)
    deleted: dict[tuple[str, str], Entry] = {}
    for application in snapshot.all(Application):
        if application.tenant_id.lower() == key:
            for each in delete_application(snapshot, application).delete:
                deleted[each.kind, each.key] = each
    for principal in snapshot.all(ServicePrincipal):
        if principal.tenant_id.lower() == key:
            for each in principals_of(snapshot, [principal]):
                deleted[each.kind, each.key] = each
    return Changes((), (tenant, *deleted.values()), tenant)
