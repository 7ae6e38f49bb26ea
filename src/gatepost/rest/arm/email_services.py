"""Email services, which contain domains."""

from dataclasses import replace

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import Changes, email_services
from gatepost.directory.azure.changes.allowed_values import checked_tags
from gatepost.directory.azure.changes.hierarchy import existing
from gatepost.directory.azure.entries import EmailService
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.rest.arm.handled_request import ArmCall, delete_handler, get_handler, list_handler
from gatepost.rest.arm.resource_documents import (
    Document,
    TagsBody,
    TrackedBody,
    check_global,
    tracked,
)


class _ServiceProperties(msgspec.Struct, rename="camel"):
    data_location: str


def document(entry: EmailService) -> Document:
    """Return an Email service as Resource Manager shows it."""
    properties = {"provisioningState": "Succeeded", "dataLocation": entry.data_location}
    return tracked(entry, entry.stamp, entry.tags, properties)


async def put(call: ArmCall) -> Response:
    """``PUT .../emailServices/{name}``: 201 for a new one, 200 for an existing one."""
    spec = call.read(TrackedBody[_ServiceProperties])
    check_global(spec.location, EmailService.resource_type)
    entry, status = await call.put(
        lambda snapshot: email_services.put(
            snapshot, call.scope, spec.properties.data_location, spec.tags
        )
    )
    return JSONResponse(document(entry), status)


async def patch(call: ArmCall) -> Response:
    """``PATCH .../emailServices/{name}``: change the tags."""
    spec = call.read(TagsBody)

    def decide(snapshot: Snapshot) -> Changes[EmailService]:
        service = existing(snapshot, EmailService, call.scope)
        if spec.tags is not None:
            service = replace(service, tags=checked_tags(spec.tags))
        return Changes((service,), (), service)

    return JSONResponse(document((await call.change(decide)).entry))


get = get_handler(EmailService, lambda _, entry: document(entry))
listing = list_handler(EmailService, lambda _, entry: document(entry))
delete = delete_handler(email_services.delete)
