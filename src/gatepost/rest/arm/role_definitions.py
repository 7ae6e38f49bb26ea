"""Role definitions at a scope."""

from typing import Final

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import Rejected, role_definitions
from gatepost.directory.azure.changes.role_definitions import (
    RoleSpec,
    is_assignable,
    unknown_role,
)
from gatepost.directory.azure.changes.scopes import existing_scope
from gatepost.directory.azure.entries import Permission, RoleDefinition
from gatepost.directory.azure.resource_ids import is_within
from gatepost.model.rfc3339 import utc_text
from gatepost.rest.arm.filters import parse_filter
from gatepost.rest.arm.handled_request import ArmCall
from gatepost.rest.arm.resource_documents import Document, ResourceBody

WRITE: Final = "Microsoft.Authorization/roleDefinitions/write"
_FILTERS: Final = frozenset({"rolename", "type", "atscopeandbelow"})


_MOST_PERMISSIONS: Final = 100
"""Objects in ``permissions``; roles of Azure have one."""


_MOST_SCOPES: Final = 2000
"""Microsoft Learn, "Azure custom roles"; 2025."""


class PermissionBody(msgspec.Struct, rename="camel", gc=False):
    """Actions that are granted and excluded."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


class _RoleProperties(msgspec.Struct, rename="camel"):
    role_name: str = ""
    description: str | None = None
    permissions: list[PermissionBody] = []
    assignable_scopes: list[str] = []
    type: str | None = None


def role_path(scope: str, guid: str) -> str:
    """Return the id of a role as callers at ``scope`` see it: in the scope's subscription."""
    words = scope.split("/")
    home = "/".join(words[:3]) if len(words) > 2 else ""
    return f"{home}/providers/Microsoft.Authorization/roleDefinitions/{guid}"


def permission_document(permission: Permission) -> Document:
    """Return a permission as Resource Manager shows it."""
    return {
        "actions": list(permission.actions),
        "notActions": list(permission.not_actions),
        "dataActions": list(permission.data_actions),
        "notDataActions": list(permission.not_data_actions),
    }


def _document(call: ArmCall, role: RoleDefinition) -> Document:
    properties: Document = {
        "roleName": role.role_name,
        "type": "BuiltInRole" if role.built_in else "CustomRole",
        "description": role.description,
        "assignableScopes": list(role.assignable_scopes),
        "permissions": [permission_document(each) for each in role.permissions],
    }
    stamp = role.stamp
    if stamp.created_at is not None:
        properties |= {
            "createdOn": utc_text(stamp.created_at, "microseconds"),
            "createdBy": stamp.created_by,
        }
    if stamp.modified_at is not None:
        properties |= {
            "updatedOn": utc_text(stamp.modified_at, "microseconds"),
            "updatedBy": stamp.modified_by,
        }
    return {
        "id": role_path(call.scope, role.id),
        "type": RoleDefinition.resource_type,
        "name": role.id,
        "properties": properties,
    }


async def get(call: ArmCall) -> Response:
    """``GET {scope}/.../roleDefinitions/{guid}``."""
    return JSONResponse(_document(call, _visible(call, call.names[0])))


def _visible(call: ArmCall, guid: str) -> RoleDefinition:
    role = call.snapshot.get(RoleDefinition, guid)
    if role is None or not _is_near(role, call.scope.lower()):
        raise unknown_role(guid)
    return role


def _is_near(role: RoleDefinition, scope: str) -> bool:
    """Tell whether it is assignable at the scope, or below it."""
    below = any(is_within(each.lower(), scope) for each in role.assignable_scopes)
    return below or is_assignable(role, scope)


async def listing(call: ArmCall) -> Response:
    """``GET {scope}/.../roleDefinitions``: those that can be assigned there.

    With ``atScopeAndBelow()`` also those that can be assigned under it.
    """
    scope = existing_scope(call.snapshot, call.scope).lower()
    wanted = parse_filter(call.query.get("$filter", ""), _FILTERS)
    name, kind = wanted.equals.get("rolename"), wanted.equals.get("type")
    is_listed = _is_near if "atscopeandbelow" in wanted.calls else is_assignable
    roles = [
        each
        for each in call.snapshot.all(RoleDefinition)
        if is_listed(each, scope)
        and (name is None or each.role_name.lower() == name.lower())
        and (kind is None or (kind.lower() == "builtinrole") == each.built_in)
    ]
    return call.pages([_document(call, each) for each in roles])


async def put(call: ArmCall) -> Response:
    """``PUT {scope}/.../roleDefinitions/{guid}``: always 201, as the SDKs accept nothing else."""
    properties = call.read(ResourceBody[_RoleProperties]).properties
    if len(properties.permissions) > _MOST_PERMISSIONS:
        raise Rejected(
            "InvalidRoleDefinition",
            f"A role definition has at most {_MOST_PERMISSIONS} permissions here.",
        )
    if properties.type is not None and properties.type.lower() != "customrole":
        raise Rejected("InvalidRoleDefinitionType", "The type of a new role must be CustomRole")
    scopes = tuple(dict.fromkeys(properties.assignable_scopes))
    if len(scopes) > _MOST_SCOPES:
        raise Rejected(
            "InvalidAssignableScopes", f"A role has at most {_MOST_SCOPES} assignable scopes."
        )
    for each in scopes:
        call.require(WRITE, each)
    old = call.snapshot.get(RoleDefinition, call.names[0])
    for each in old.assignable_scopes if old and not old.built_in else ():
        call.require(WRITE, each)
    spec = RoleSpec(
        properties.role_name,
        tuple(Permission(*msgspec.structs.astuple(each)) for each in properties.permissions),
        scopes,
        properties.description or "",
    )
    changes = await call.change(
        lambda snapshot: role_definitions.put(snapshot, call.names[0], spec)
    )
    return JSONResponse(_document(call, changes.entry), 201)


async def delete(call: ArmCall) -> Response:
    """``DELETE {scope}/.../roleDefinitions/{guid}``: 200 with the deleted one, or 204."""
    role = call.snapshot.get(RoleDefinition, call.names[0])
    if role is None or not _is_near(role, call.scope.lower()):
        return Response(status_code=204)
    for each in role.assignable_scopes if not role.built_in else ():
        call.require("Microsoft.Authorization/roleDefinitions/delete", each)
    await call.change(lambda snapshot: role_definitions.delete(snapshot, role.id))
    return JSONResponse(_document(call, role))
