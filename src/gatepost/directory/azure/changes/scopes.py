"""Scopes of role assignments."""

from typing import Final

from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.directory.azure.changes.hierarchy import existing
from gatepost.directory.azure.entries import KINDS, ResourceGroup, Subscription
from gatepost.directory.azure.resource_ids import subscription_of, subscription_path
from gatepost.directory.azure.snapshot import Snapshot

ROOT: Final = "/"

_GROUP_WORDS: Final = 5


def existing_scope(snapshot: Snapshot, scope: str) -> str:
    """Return the scope in its own spelling: root, subscription, group or resource.

    Raises Rejected if it does not exist.
    """
    scope = f"/{scope.strip('/')}"
    if scope == ROOT:
        return ROOT
    words = scope.split("/")
    if words[1].lower() != "subscriptions" or len(words) < 3:
        raise Rejected("InvalidScope", f"The scope '{scope}' is not valid.")
    if len(words) == 3:
        return existing(snapshot, Subscription, scope).id
    existing(snapshot, Subscription, "/".join(words[:3]))
    if words[3].lower() != "resourcegroups":
        raise Rejected("InvalidScope", f"The scope '{scope}' is not valid.")
    group = existing(snapshot, ResourceGroup, "/".join(words[:_GROUP_WORDS]))
    if len(words) == _GROUP_WORDS:
        return group.id
    for kind in KINDS:
        if kind.resource_type and (entry := snapshot.get(kind, scope)) is not None:
            return entry.id
    named = f"{'/'.join(words[6:8])}/{'/'.join(words[8::2])}"
    raise Rejected(
        "ResourceNotFound",
        f"The Resource '{named}' under resource group '{group.name}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        404,
    )


def tenant_of(snapshot: Snapshot, scope: str) -> str:
    """Return the id of the tenant of the scope's subscription; empty for the root."""
    if scope == ROOT:
        return ""
    subscription = snapshot.get(Subscription, subscription_path(subscription_of(scope)))
    return subscription.tenant_id.lower() if subscription else ""
