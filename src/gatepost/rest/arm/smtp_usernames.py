"""SMTP user names of a Communication Services resource."""

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import smtp_usernames
from gatepost.directory.azure.changes.smtp_usernames import SmtpUsernameSpec
from gatepost.directory.azure.entries import CommunicationService, SmtpUsername
from gatepost.rest.arm.handled_request import ArmCall, delete_handler, get_handler, list_handler
from gatepost.rest.arm.resource_documents import Document, ResourceBody, resource


class _UsernameProperties(msgspec.Struct, rename="camel"):
    username: str
    entra_application_id: str
    tenant_id: str


def _document(entry: SmtpUsername) -> Document:
    properties: Document = {
        "username": entry.username,
        "entraApplicationId": entry.application_id,
        "tenantId": entry.tenant_id,
    }
    return resource(entry, entry.stamp, properties)


async def put(call: ArmCall) -> Response:
    """``PUT .../smtpUsernames/{name}``: 201 for a new one, 200 for an existing one."""
    properties = call.read(ResourceBody[_UsernameProperties]).properties
    spec = SmtpUsernameSpec(
        properties.username, properties.entra_application_id, properties.tenant_id
    )
    entry, status = await call.put(
        lambda snapshot: smtp_usernames.put(
            snapshot, call.scope, spec, call.now, call.site.directory.rules.actions
        )
    )
    return JSONResponse(_document(entry), status)


get = get_handler(SmtpUsername, lambda _, entry: _document(entry))
listing = list_handler(SmtpUsername, lambda _, entry: _document(entry), CommunicationService)
delete = delete_handler(smtp_usernames.delete)
