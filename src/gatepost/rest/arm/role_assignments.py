"""Role assignments at a scope, and the permissions of the caller there."""

from typing import Final

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import role_assignments
from gatepost.directory.azure.changes.role_assignments import AssignmentSpec, unknown_assignment
from gatepost.directory.azure.changes.scopes import existing_scope
from gatepost.directory.azure.entries import RoleAssignment, RoleDefinition
from gatepost.directory.azure.resource_ids import is_within
from gatepost.model.rfc3339 import utc_text
from gatepost.rest.arm.filters import parse_filter
from gatepost.rest.arm.handled_request import ArmCall
from gatepost.rest.arm.resource_documents import Document, ResourceBody
from gatepost.rest.arm.role_definitions import permission_document, role_path

_FILTERS: Final = frozenset({"atscope", "principalid", "assignedto"})


class _AssignmentProperties(msgspec.Struct, rename="camel"):
    role_definition_id: str
    principal_id: str
    principal_type: str | None = None
    description: str | None = None
    condition: str | None = None


def _document(assignment: RoleAssignment) -> Document:
    scope = assignment.scope
    stamp = assignment.stamp
    properties: Document = {
        "roleDefinitionId": role_path(scope, assignment.role_definition_id),
        "principalId": assignment.principal_id,
        "principalType": assignment.principal_type,
        "scope": scope,
        "condition": assignment.condition or None,
        "conditionVersion": "2.0" if assignment.condition else None,
        "description": assignment.description or None,
        "createdOn": utc_text(assignment.created_at, "microseconds"),
        "updatedOn": utc_text(stamp.modified_at or assignment.created_at, "microseconds"),
        "createdBy": stamp.created_by,
        "updatedBy": stamp.modified_by,
    }
    return {
        "id": f"{scope.rstrip('/')}/providers/{RoleAssignment.resource_type}/{assignment.id}",
        "type": RoleAssignment.resource_type,
        "name": assignment.id,
        "properties": properties,
    }


def _find(call: ArmCall) -> RoleAssignment | None:
    assignment = call.snapshot.get(RoleAssignment, call.names[0])
    if assignment is None or assignment.scope.lower() != call.scope.lower():
        return None
    return assignment


async def get(call: ArmCall) -> Response:
    """``GET {scope}/.../roleAssignments/{guid}``."""
    assignment = _find(call)
    if assignment is None:
        raise unknown_assignment(call.names[0])
    return JSONResponse(_document(assignment))


async def listing(call: ArmCall) -> Response:
    """``GET {scope}/.../roleAssignments``: at, above and below the scope.

    ``atScope()`` excludes those below; ``principalId eq`` and ``assignedTo()`` select one
    principal.
    """
    scope = existing_scope(call.snapshot, call.scope).lower()
    wanted = parse_filter(call.query.get("$filter", ""), _FILTERS)
    principal = wanted.equals.get("principalid") or wanted.calls.get("assignedto")
    assignments = [
        each
        for each in call.snapshot.all(RoleAssignment)
        if _is_near(each.scope.lower(), scope, below="atscope" not in wanted.calls)
        and (principal is None or each.principal_id.lower() == principal.lower())
    ]
    return call.pages([_document(each) for each in assignments])


def _is_near(assigned: str, scope: str, *, below: bool) -> bool:
    return is_within(scope, assigned) or (below and is_within(assigned, scope))


async def put(call: ArmCall) -> Response:
    """``PUT {scope}/.../roleAssignments/{guid}``: 201 for a new one, 200 for an existing one."""
    properties = call.read(ResourceBody[_AssignmentProperties]).properties
    spec = AssignmentSpec(
        call.scope,
        properties.role_definition_id,
        properties.principal_id,
        properties.principal_type or "",
        properties.description or "",
        properties.condition or "",
    )
    entry, status = await call.put(
        lambda snapshot: role_assignments.put(snapshot, call.names[0], spec, call.now)
    )
    return JSONResponse(_document(entry), status)


async def delete(call: ArmCall) -> Response:
    """``DELETE {scope}/.../roleAssignments/{guid}``: 200 with the deleted one, or 204."""
    assignment = _find(call)
    if assignment is None:
        return Response(status_code=204)
    await call.change(lambda snapshot: role_assignments.delete(snapshot, assignment.id))
    return JSONResponse(_document(assignment))


async def permissions(call: ArmCall) -> Response:
    """``GET {scope}/.../permissions``: what the caller's roles grant there."""
    scope = existing_scope(call.snapshot, call.scope).lower()
    mine = call.snapshot.find(RoleAssignment, call.caller.principal_id)
    roles = [
        role
        for each in mine
        if is_within(scope, each.scope.lower())
        and (role := call.snapshot.get(RoleDefinition, each.role_definition_id))
    ]
    return call.pages([permission_document(each) for role in roles for each in role.permissions])
