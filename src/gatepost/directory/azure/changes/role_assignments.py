"""Role assignments: a role given to a service principal on a scope."""

from dataclasses import dataclass
from datetime import datetime

from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.role_definitions import is_assignable, unknown_role
from gatepost.directory.azure.changes.scopes import existing_scope, tenant_of
from gatepost.directory.azure.entries import (
    Application,
    RoleAssignment,
    RoleDefinition,
    ServicePrincipal,
)
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.directory.azure.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class AssignmentSpec:
    """A requested role assignment."""

    scope: str
    role_definition_id: str
    """A GUID, or a path that ends in one."""
    principal_id: str
    """The object id of a service principal."""
    principal_type: str = ""
    """``ServicePrincipal`` if the caller gives it; then Azure checks less."""
    description: str = ""
    condition: str = ""


def put(
    snapshot: Snapshot, guid: str, spec: AssignmentSpec, now: datetime
) -> Changes[RoleAssignment]:
    """Assign a role; it takes effect after the propagation delay.

    Of an existing assignment, only the description and the condition change. Raises Rejected.
    """
    if not is_guid(guid):
        raise Rejected(
            "InvalidRoleAssignmentId",
            f"The role assignment ID '{guid}' is not valid. The role assignment ID must be a GUID.",
        )
    scope = existing_scope(snapshot, spec.scope)
    role_id = spec.role_definition_id.rstrip("/").rpartition("/")[2]
    role = snapshot.get(RoleDefinition, role_id)
    if role is None:
        raise unknown_role(role_id)
    _check_principal(snapshot, scope, spec)
    if not is_assignable(role, scope):
        raise Rejected(
            "RoleAssignmentScopeNotAssignableToRoleDefinition",
            f"The role '{role.role_name}' is not assignable at scope '{scope}'.",
        )
    old = snapshot.get(RoleAssignment, guid)
    made = RoleAssignment(
        old.id if old else guid.lower(),
        scope,
        role.id,
        spec.principal_id.lower(),
        old.created_at if old else now,
        spec.principal_type or "ServicePrincipal",
        spec.description,
        spec.condition,
    )
    if old is not None and _essence(old) != _essence(made):
        raise Rejected(
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )
    for other in snapshot.find(RoleAssignment, made.principal_id):
        if other.key != made.key and _essence(other) == _essence(made):
            raise Rejected(
                "RoleAssignmentExists",
                "The role assignment already exists. The ID of the existing role assignment is "
                f"{other.id.replace('-', '')}.",
                409,
            )
    return Changes((made,), (), made)


def _essence(assignment: RoleAssignment) -> tuple[str, str, str]:
    return (
        assignment.scope.lower(),
        assignment.role_definition_id.lower(),
        assignment.principal_id.lower(),
    )


def _check_principal(snapshot: Snapshot, scope: str, spec: AssignmentSpec) -> None:
    """The principal must belong to the tenant. With a given type, the id of an existing application
    is accepted as well, as in Azure, where the type switches the check off: the assignment exists,
    but grants nothing ("Troubleshoot Azure RBAC", Microsoft Learn)."""
    principal_id = spec.principal_id.lower()
    if not is_guid(principal_id):
        raise Rejected(
            "InvalidPrincipalId",
            f"The principal ID '{spec.principal_id}' is not valid. Principal ID must be a GUID.",
        )
    tenant = tenant_of(snapshot, scope)
    principal = snapshot.get(ServicePrincipal, principal_id)
    if principal is not None and tenant in ("", principal.tenant_id.lower()):
        return
    if spec.principal_type.lower() == "serviceprincipal" and any(
        principal_id in (each.key, each.object_id.lower()) for each in snapshot.all(Application)
    ):
        return
    raise Rejected(
        "PrincipalNotFound",
        f"Principal {principal_id.replace('-', '')} does not exist in the directory {tenant}. "
        "Check that you have the correct principal ID. If you are creating this principal and "
        "then immediately assigning a role, this error might be related to a replication delay. "
        "In this case, set the role assignment principalType property to a value, such as "
        "ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype",
    )


def delete(snapshot: Snapshot, guid: str) -> Changes[RoleAssignment]:
    """Delete a role assignment. Raises Rejected."""
    assignment = snapshot.get(RoleAssignment, guid)
    if assignment is None:
        raise unknown_assignment(guid)
    return Changes((), (assignment,), assignment)


def unknown_assignment(guid: str) -> Rejected:
    """Return Resource Manager's error for an assignment that does not exist."""
    return Rejected("RoleAssignmentNotFound", f"The role assignment '{guid}' is not found.", 404)
