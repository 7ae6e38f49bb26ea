"""Resource groups, and lists of what is in them."""

from typing import Final

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import resource_groups
from gatepost.directory.azure.changes.hierarchy import existing
from gatepost.directory.azure.entries import (
    CommunicationService,
    Domain,
    EmailService,
    ResourceGroup,
    Subscription,
)
from gatepost.directory.azure.resource_ids import is_within
from gatepost.rest.arm.filters import parse_filter
from gatepost.rest.arm.handled_request import ArmCall, get_handler
from gatepost.rest.arm.resource_documents import Document, TagsBody

_READ: Final = "Microsoft.Resources/subscriptions/resourceGroups/read"
_Tracked = EmailService | Domain | CommunicationService
_TRACKED: Final[tuple[type[_Tracked], ...]] = (EmailService, Domain, CommunicationService)
_FILTERS: Final = frozenset({"resourcetype", "name", "resourcegroup", "location"})
_GROUP_FILTERS: Final = frozenset({"tagname", "tagvalue"})


class _GroupBody(msgspec.Struct):
    location: str = ""
    tags: dict[str, str] | None = None


def _document(group: ResourceGroup) -> Document:
    return {
        "id": group.id,
        "name": group.name,
        "type": group.resource_type,
        "location": group.location,
        "tags": dict(group.tags),
        "properties": {"provisioningState": "Succeeded"},
    }


async def head(call: ArmCall) -> Response:
    """``HEAD``, of a group or a resource by its id: 204 if it exists, or 404."""
    for kind in (ResourceGroup, *_TRACKED):
        if call.snapshot.get(kind, call.scope) is not None:
            return Response(status_code=204)
    return Response(status_code=404)


async def listing(call: ArmCall) -> Response:
    """``GET /subscriptions/{id}/resourcegroups``: those that the caller may read."""
    scope = existing(call.snapshot, Subscription, call.scope).key
    wanted = parse_filter(call.query.get("$filter", ""), _GROUP_FILTERS).equals
    name, value = wanted.get("tagname"), wanted.get("tagvalue")
    entries = [
        _document(each)
        for each in call.snapshot.all(ResourceGroup)
        if is_within(each.key, scope)
        and call.allows(_READ, each.id)
        and (name is None or name in each.tags)
        and (value is None or value in each.tags.values())
    ]
    return call.pages(entries)


async def put(call: ArmCall) -> Response:
    """``PUT /subscriptions/{id}/resourcegroups/{name}``: 201 for a new one, otherwise 200."""
    spec = call.read(_GroupBody)
    entry, status = await call.put(
        lambda snapshot: resource_groups.put(snapshot, call.scope, spec.location, spec.tags)
    )
    return JSONResponse(_document(entry), status)


async def patch(call: ArmCall) -> Response:
    """``PATCH /subscriptions/{id}/resourcegroups/{name}``: change the tags."""
    spec = call.read(TagsBody)
    group = existing(call.snapshot, ResourceGroup, call.scope)
    tags = group.tags if spec.tags is None else spec.tags
    changes = await call.change(
        lambda snapshot: resource_groups.put(snapshot, group.id, group.location, tags)
    )
    return JSONResponse(_document(changes.entry))


async def delete(call: ArmCall) -> Response:
    """``DELETE /subscriptions/{id}/resourcegroups/{name}``, with all its contents."""
    await call.change(lambda snapshot: resource_groups.delete(snapshot, call.scope))
    return Response(status_code=200)


async def resources(call: ArmCall) -> Response:
    """``GET .../resources`` of a group or a subscription: its tracked resources."""
    scope = call.scope.lower()
    kind = Subscription if scope.count("/") == 2 else ResourceGroup
    existing(call.snapshot, kind, call.scope)
    wanted = parse_filter(call.query.get("$filter", ""), _FILTERS).equals
    entries = []
    tracked: list[_Tracked] = []
    for each_kind in _TRACKED:
        tracked += call.snapshot.all(each_kind)
    for each in tracked:
        facts = {
            "resourcetype": each.resource_type,
            "name": each.name,
            "location": "global",
            "resourcegroup": each.id.split("/")[4],
        }
        if is_within(each.key, scope) and all(
            facts[name].lower() == value.lower() for name, value in wanted.items()
        ):
            entries.append(
                {
                    "id": each.id,
                    "name": "/".join(each.id.split("/")[8::2]),
                    "type": each.resource_type,
                    "location": "global",
                    "tags": dict(each.tags),
                }
            )
    return call.pages(entries)


get = get_handler(ResourceGroup, lambda _, entry: _document(entry))
