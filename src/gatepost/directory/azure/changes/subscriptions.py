"""Subscriptions."""

from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.hierarchy import existing, held_by, no_subscription
from gatepost.directory.azure.entries import RoleDefinition, Subscription, Tenant
from gatepost.directory.azure.resource_ids import is_guid, is_within, new_guid, subscription_path
from gatepost.directory.azure.snapshot import Snapshot


def create(
    snapshot: Snapshot, tenant_id: str, display_name: str, guid: str | None = None
) -> Changes[Subscription]:
    """Create a subscription of a tenant. Raises Rejected for a bad tenant or GUID."""
    tenant = snapshot.get(Tenant, tenant_id)
    if tenant is None:
        raise Rejected("TenantNotFound", f"Tenant '{tenant_id}' not found.", 404)
    name = (guid or new_guid()).lower()
    if not is_guid(name):
        raise no_subscription(name)
    path = subscription_path(name)
    if snapshot.get(Subscription, path) is not None:
        raise Rejected("Conflict", f"There is already a subscription '{name}'.", 409)
    subscription = Subscription(path, tenant.id, display_name or name)
    return Changes((subscription,), (), subscription)


def delete(snapshot: Snapshot, id: str) -> Changes[Subscription]:
    """Delete a subscription and everything in it, and roles that are assignable only there."""
    subscription = existing(snapshot, Subscription, id)
    roles = [
        role
        for role in snapshot.all(RoleDefinition)
        if all(is_within(each.lower(), subscription.key) for each in role.assignable_scopes)
    ]
    return Changes((), (subscription, *held_by(snapshot, subscription.id), *roles), subscription)
