"""Sender user names of a domain."""

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import senders
from gatepost.directory.azure.entries import Domain, SenderUsername
from gatepost.directory.azure.resource_ids import parent_path
from gatepost.rest.arm.handled_request import ArmCall, delete_handler, get_handler, list_handler
from gatepost.rest.arm.resource_documents import Document, ResourceBody, resource


class _SenderProperties(msgspec.Struct, rename="camel"):
    username: str
    display_name: str | None = None


def _document(call: ArmCall, entry: SenderUsername) -> Document:
    domain = call.snapshot.get(Domain, parent_path(entry.id))
    properties: Document = {
        "dataLocation": domain.data_location if domain else "",
        "username": entry.username,
        "displayName": entry.display_name,
        "provisioningState": "Succeeded",
    }
    return resource(entry, entry.stamp, properties)


async def put(call: ArmCall) -> Response:
    """``PUT .../senderUsernames/{name}``: 201 for a new one, 200 for an existing one."""
    spec = call.read(ResourceBody[_SenderProperties]).properties
    name, utf8 = spec.display_name or "", call.site.directory.rules.utf8_senders
    entry, status = await call.put(
        lambda snapshot: senders.put(snapshot, call.scope, spec.username, name, utf8=utf8)
    )
    return JSONResponse(_document(call, entry), status)


get = get_handler(SenderUsername, _document)
listing = list_handler(SenderUsername, _document, Domain)
delete = delete_handler(senders.delete)
