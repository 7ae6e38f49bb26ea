"""Role-based access control: granted actions on a scope and below it, without excluded ones."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from gatepost.directory.azure.actions import allows_action
from gatepost.directory.azure.entries import (
    CommunicationService,
    Permission,
    RoleAssignment,
    RoleDefinition,
)
from gatepost.directory.azure.resource_ids import is_within
from gatepost.directory.azure.snapshot import Grant, Snapshot

_MAX_KEPT: Final = 10_000
"""Number of cached grants, because callers can ask for any scope."""

_AUTHORIZATION: Final = ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write")


def _built_in(guid: str, name: str, permission: Permission, description: str) -> RoleDefinition:
    return RoleDefinition(guid, name, (permission,), ("/",), description, built_in=True)


BUILT_IN_ROLES: Final = (
    _built_in(
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "Owner",
        Permission(("*",)),
        "Full access to all resources, roles included",
    ),
    _built_in(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        Permission(("*",), _AUTHORIZATION),
        "Full access to all resources, but not to roles",
    ),
    _built_in(
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "Reader",
        Permission(("*/read",)),
        "View all resources",
    ),
    _built_in(
        "09976791-48a7-449e-bb21-39d1a415f350",
        "Communication and Email Service Owner",
        Permission(
            (
                "Microsoft.Communication/CommunicationServices/*",
                "Microsoft.Communication/EmailServices/*",
            )
        ),
        "Full access to Communication Services and Email Communication Services",
    ),
)


def allows(permissions: Iterable[Permission], action: str) -> bool:
    """Tell whether one of the permissions grants ``action``; case does not matter."""
    return any(allows_action(each.actions, each.not_actions, action) for each in permissions)


def grant_of(
    snapshot: Snapshot, principal_id: str, resource_id: str, actions: tuple[str, ...]
) -> Grant:
    """Return which of ``actions`` the principal lacks on the resource, and since when it has them.

    Assignments on the resource, its resource group, its subscription and the root are added.
    """
    key = (principal_id.lower(), resource_id.lower(), actions)
    grant = snapshot.grants.get(key)
    if grant is None:
        if len(snapshot.grants) >= _MAX_KEPT:
            snapshot.grants.clear()
        grant = snapshot.grants[key] = _evaluate(snapshot, *key)
    return grant


def _evaluate(
    snapshot: Snapshot, principal_id: str, resource_id: str, actions: tuple[str, ...]
) -> Grant:
    assignments = [
        (assignment.created_at, definition.permissions)
        for assignment in snapshot.find(RoleAssignment, principal_id)
        if is_within(resource_id, assignment.scope.lower())
        and (definition := snapshot.get(RoleDefinition, assignment.role_definition_id))
    ]
    since: dict[str, datetime] = {}
    for action in actions:
        granted = [created_at for created_at, each in assignments if allows(each, action)]
        if granted:
            since[action] = min(granted)
    missing = tuple(action for action in actions if action not in since)
    return Grant(missing, max(since.values(), default=None))


MAIL_SEND: Final = "Mail.Send"


def permissions_of(
    snapshot: Snapshot, principal_id: str, actions: Iterable[str]
) -> tuple[str, ...]:
    """Return the permissions of an application; ``actions`` are those that sending needs."""
    may_send = next(services_of(snapshot, principal_id, actions), None) is not None
    return (MAIL_SEND,) if may_send else ()


def services_of(
    snapshot: Snapshot, principal_id: str, actions: Iterable[str]
) -> Iterator[CommunicationService]:
    """Yield the resources through which an application may send."""
    wanted = tuple(actions)
    for each in snapshot.all(CommunicationService):
        if not grant_of(snapshot, principal_id, each.id, wanted).missing:
            yield each
