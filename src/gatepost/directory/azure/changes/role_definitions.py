"""Role definitions: the built-in ones, which cannot be changed, and custom ones."""

from dataclasses import dataclass

from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.role_permissions import check_permissions
from gatepost.directory.azure.changes.scopes import ROOT, existing_scope, tenant_of
from gatepost.directory.azure.entries import Permission, RoleAssignment, RoleDefinition
from gatepost.directory.azure.resource_ids import is_guid, is_within
from gatepost.directory.azure.snapshot import Snapshot

_NAME_LENGTH = 512
_DESCRIPTION_LENGTH = 2048


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """A requested custom role."""

    role_name: str
    permissions: tuple[Permission, ...]
    assignable_scopes: tuple[str, ...]
    """Ids of subscriptions and resource groups."""
    description: str = ""


def put(snapshot: Snapshot, guid: str, spec: RoleSpec) -> Changes[RoleDefinition]:
    """Create a custom role under a GUID, or change it ("Azure custom roles", Microsoft Learn).

    Raises Rejected.
    """
    if not is_guid(guid):
        raise Rejected(
            "InvalidRoleDefinitionId",
            f"The role definition ID '{guid}' is not valid. The role definition ID must be a GUID.",
        )
    old = snapshot.get(RoleDefinition, guid)
    _check_custom(old)
    if not spec.role_name.strip():
        raise Rejected("RoleDefinitionNameNullOrEmpty", "The role definition has no name.")
    if len(spec.role_name) > _NAME_LENGTH or len(spec.description) > _DESCRIPTION_LENGTH:
        raise Rejected(
            "InvalidRoleDefinition",
            f"A role's name has {_NAME_LENGTH} characters at most, its description "
            f"{_DESCRIPTION_LENGTH}.",
        )
    check_permissions(spec.permissions)
    role = RoleDefinition(
        old.id if old else guid.lower(),
        spec.role_name,
        spec.permissions,
        _assignable(snapshot, spec.assignable_scopes),
        spec.description,
    )
    _check_unique(snapshot, role)
    _check_assignments(snapshot, role)
    return Changes((role,), (), role)


def _check_custom(role: RoleDefinition | None) -> None:
    if role is not None and role.built_in:
        raise Rejected(
            "BuiltInRoleDefinitionUpdateForbidden",
            f"The role '{role.role_name}' is built in and cannot be changed or deleted.",
            403,
        )


def _assignable(snapshot: Snapshot, scopes: tuple[str, ...]) -> tuple[str, ...]:
    if not scopes:
        raise Rejected("InvalidAssignableScopes", "A custom role has at least one assignableScope.")
    existing = tuple(existing_scope(snapshot, each) for each in scopes)
    for each in existing:
        if each == ROOT or "/providers/" in each.lower():
            raise Rejected(
                "InvalidAssignableScopes",
                f"'{each}' cannot be an assignable scope: a subscription or a resource group can.",
            )
    return tuple(dict.fromkeys(existing))


def _check_unique(snapshot: Snapshot, role: RoleDefinition) -> None:
    tenants = _tenants(snapshot, role)
    for other in snapshot.all(RoleDefinition):
        same = other.role_name.lower() == role.role_name.lower() and other.key != role.key
        if same and (other.built_in or tenants & _tenants(snapshot, other)):
            raise Rejected(
                "RoleDefinitionWithSameNameExists",
                "A custom role with the same name already exists in this directory. "
                "Use a different name.",
                409,
            )


def _tenants(snapshot: Snapshot, role: RoleDefinition) -> set[str]:
    return {tenant_of(snapshot, each) for each in role.assignable_scopes}


def _check_assignments(snapshot: Snapshot, role: RoleDefinition) -> None:
    """An assignable scope cannot be removed while the role is assigned there."""
    for each in assignments_of(snapshot, role):
        if not is_assignable(role, each.scope):
            raise Rejected(
                "RoleDefinitionHasAssignments",
                f"The role is assigned at '{each.scope}', which would not be assignable any more.",
                409,
            )


def assignments_of(snapshot: Snapshot, role: RoleDefinition) -> list[RoleAssignment]:
    """Return the assignments of a role."""
    return [
        each for each in snapshot.all(RoleAssignment) if each.role_definition_id.lower() == role.key
    ]


def is_assignable(role: RoleDefinition, scope: str) -> bool:
    """Tell whether a role may be assigned on a scope."""
    scope = scope.lower()
    return any(is_within(scope, each.lower()) for each in role.assignable_scopes)


def delete(snapshot: Snapshot, guid: str) -> Changes[RoleDefinition]:
    """Delete a custom role. Raises Rejected while it is assigned."""
    role = snapshot.get(RoleDefinition, guid)
    if role is None:
        raise unknown_role(guid)
    _check_custom(role)
    if assignments_of(snapshot, role):
        raise Rejected(
            "RoleDefinitionHasAssignments",
            "There are existing role assignments referencing role "
            "(code: RoleDefinitionHasAssignments).",
            409,
        )
    return Changes((), (role,), role)


def unknown_role(guid: str) -> Rejected:
    """Return Resource Manager's error for a role that does not exist."""
    return Rejected(
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{guid}' does not exist.",
        404,
    )
