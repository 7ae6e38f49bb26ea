"""Roles, and their assignments."""

from collections.abc import Iterable

from gatepost.control.administration.directory_changes import AdminContext
from gatepost.control.administration.entry_documents import Document
from gatepost.control.administration.entry_lookup import (
    APP,
    ROLE,
    SUBSCRIPTION,
    entries_of,
    find,
    find_or_only,
    find_resource,
)
from gatepost.control.administration.operation_fields import Listing, NewRole, RoleGrant
from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.directory.azure.changes import role_assignments, role_definitions
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.role_assignments import AssignmentSpec
from gatepost.directory.azure.changes.role_definitions import RoleSpec
from gatepost.directory.azure.changes.scopes import ROOT, tenant_of
from gatepost.directory.azure.entries import (
    Application,
    Permission,
    RoleAssignment,
    RoleDefinition,
    ServicePrincipal,
    Tenant,
    principal_lookup,
)
from gatepost.directory.azure.resource_ids import new_guid
from gatepost.directory.azure.snapshot import Snapshot


async def create_role(context: AdminContext, request: NewRole) -> Document:
    """``role create``."""

    def decide(view: Snapshot) -> Changes[RoleDefinition]:
        scopes = tuple(_scope(view, each) for each in request.scopes) or (
            find_or_only(view, SUBSCRIPTION, "").id,
        )
        permission = Permission(request.actions or SEND_ACTIONS, request.not_actions)
        made = RoleSpec(request.name, (permission,), scopes, request.description)
        return role_definitions.put(view, new_guid(), made)

    return context.document(await context.change(decide))


async def list_roles(context: AdminContext, _request: Listing) -> Document:
    """``role list``: with their assignments."""
    return {
        "roles": [context.document(each) for each in entries_of(context.view, ROLE)],
        "assignments": _oldest_first(context, context.view.all(RoleAssignment)),
    }


def role_contents(context: AdminContext, role: RoleDefinition) -> Document:
    """Return what ``role show`` adds: its assignments."""
    assigned = role_definitions.assignments_of(context.view, role)
    return {"assignments": _oldest_first(context, assigned)}


def _oldest_first(context: AdminContext, assignments: Iterable[RoleAssignment]) -> list[Document]:
    return [
        context.document(each)
        for each in sorted(assignments, key=lambda each: (each.created_at, each.key))
    ]


def delete_role(view: Snapshot, role: RoleDefinition) -> Changes[RoleDefinition]:
    """``role delete``: not while it is assigned, as in Azure."""
    try:
        return role_definitions.delete(view, role.id)
    except Rejected as error:
        if error.code != "RoleDefinitionHasAssignments":
            raise
        count = len(role_definitions.assignments_of(view, role))
        advice = f"first remove its {count} with role unassign; role show lists them"
        raise Rejected(error.code, f"{error.message} To delete it, {advice}.", 409) from None


async def assign_role(context: AdminContext, request: RoleGrant) -> Document:
    """``role assign``: to the service principal in the tenant of the scope."""
    now = context.now()

    def decide(view: Snapshot) -> Changes[RoleAssignment]:
        role = find(view, ROLE, request.name)
        scope = _scope(view, request.on)
        principal = _principal(view, find(view, APP, request.app), tenant_of(view, scope))
        made = AssignmentSpec(scope, role.id, principal.id, "ServicePrincipal")
        return role_assignments.put(view, new_guid(), made, now)

    return context.document(await context.change(decide))


async def unassign_role(context: AdminContext, request: RoleGrant) -> Document:
    """``role unassign``: deletes the assignment of this role to this application at this scope."""

    def decide(view: Snapshot) -> Changes[RoleAssignment]:
        role, app = find(view, ROLE, request.name), find(view, APP, request.app)
        scope = _scope(view, request.on).lower() if request.on else ""
        assignments = [
            each
            for each in role_definitions.assignments_of(view, role)
            if _is_of(view, each, app) and scope in ("", each.scope.lower())
        ]
        if not assignments:
            where = f" on {request.on}" if request.on else ""
            raise Rejected(
                "NotFound", f"{app.display_name} has no role {role.role_name!r}{where}", 404
            )
        if len(assignments) > 1:
            scopes = ", ".join(each.scope for each in assignments)
            raise Rejected("Ambiguous", f"it is assigned at several scopes; specify one: {scopes}")
        return role_assignments.delete(view, assignments[0].id)

    return await context.delete(decide)


def _scope(view: Snapshot, text: str) -> str:
    return ROOT if text == ROOT else find_resource(view, text).id


def _principal(view: Snapshot, app: Application, tenant_id: str) -> ServicePrincipal:
    lookup = principal_lookup(app.id, tenant_id or app.tenant_id)
    principals = view.find(ServicePrincipal, lookup)
    if not principals:
        tenant = view.get(Tenant, tenant_id or app.tenant_id)
        raise Rejected(
            "PrincipalNotFound",
            f"the app {app.display_name!r} has no service principal in "
            f"{tenant.domain if tenant else 'the tenant'}; roles are assigned to that",
        )
    return principals[0]


def _is_of(view: Snapshot, assignment: RoleAssignment, app: Application) -> bool:
    principal = view.get(ServicePrincipal, assignment.principal_id)
    return principal is not None and principal.application_id.lower() == app.key
