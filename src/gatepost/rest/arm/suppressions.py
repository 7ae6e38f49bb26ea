"""Suppression lists of a domain, and the addresses on them."""

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import suppressions
from gatepost.directory.azure.changes.suppressions import AddressSpec
from gatepost.directory.azure.entries import Domain, SuppressedAddress, SuppressionList
from gatepost.directory.azure.resource_ids import parent_path
from gatepost.model.rfc3339 import utc_text
from gatepost.rest.arm.handled_request import ArmCall, delete_handler, get_handler, list_handler
from gatepost.rest.arm.resource_documents import Document, ResourceBody, resource


class _ListProperties(msgspec.Struct, rename="camel"):
    list_name: str = ""


class _AddressProperties(msgspec.Struct, rename="camel"):
    email: str
    first_name: str | None = None
    last_name: str | None = None
    notes: str | None = None


def _location(call: ArmCall, domain_id: str) -> str:
    domain = call.snapshot.get(Domain, domain_id)
    return domain.data_location if domain else ""


def _list_document(call: ArmCall, entry: SuppressionList) -> Document:
    properties: Document = {
        "listName": entry.list_name,
        "dataLocation": _location(call, parent_path(entry.id)),
    }
    for name, time in (
        ("createdTimeStamp", entry.created_at),
        ("lastUpdatedTimeStamp", entry.updated_at),
    ):
        if time is not None:
            properties[name] = utc_text(time, "microseconds")
    return resource(entry, entry.stamp, properties)


def _address_document(call: ArmCall, entry: SuppressedAddress) -> Document:
    properties: Document = {
        "email": entry.email,
        "firstName": entry.first_name,
        "lastName": entry.last_name,
        "notes": entry.notes,
        "dataLocation": _location(call, parent_path(parent_path(entry.id))),
    }
    if entry.modified_at is not None:
        properties["lastModified"] = utc_text(entry.modified_at, "microseconds")
    return resource(entry, entry.stamp, properties)


async def put_list(call: ArmCall) -> Response:
    """``PUT .../suppressionLists/{name}``: 201 for a new one, 200 for an existing one."""
    name = call.read(ResourceBody[_ListProperties]).properties.list_name
    entry, status = await call.put(
        lambda snapshot: suppressions.put_list(snapshot, call.scope, name, call.now)
    )
    return JSONResponse(_list_document(call, entry), status)


async def put_address(call: ArmCall) -> Response:
    """``PUT .../suppressionListAddresses/{guid}``: 201 for a new one, 200 for an existing one."""
    properties = call.read(ResourceBody[_AddressProperties]).properties
    spec = AddressSpec(
        properties.email,
        properties.first_name or "",
        properties.last_name or "",
        properties.notes or "",
    )
    entry, status = await call.put(
        lambda snapshot: suppressions.put_address(snapshot, call.scope, spec, call.now)
    )
    return JSONResponse(_address_document(call, entry), status)


async def delete_address(call: ArmCall) -> Response:
    """``DELETE .../suppressionListAddresses/{guid}``."""
    return await call.delete(
        lambda snapshot: suppressions.delete_address(snapshot, call.scope, call.now)
    )


lists = list_handler(SuppressionList, _list_document, Domain)
addresses = list_handler(SuppressedAddress, _address_document, SuppressionList)
get_list = get_handler(SuppressionList, _list_document)
get_address = get_handler(SuppressedAddress, _address_document)
delete_list = delete_handler(suppressions.delete_list)
