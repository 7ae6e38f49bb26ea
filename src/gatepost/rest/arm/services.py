"""Communication Services resources: links, access keys, names."""

from typing import Literal
from urllib.parse import urlsplit

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import services
from gatepost.directory.azure.changes.hierarchy import existing
from gatepost.directory.azure.changes.services import ServiceSpec
from gatepost.directory.azure.entries import (
    CommunicationService,
    Domain,
    PublicNetworkAccess,
)
from gatepost.directory.azure.secrets import generate_access_key
from gatepost.rest.arm.handled_request import ArmCall, delete_handler, get_handler, list_handler
from gatepost.rest.arm.resource_documents import Document, check_global, tracked
from gatepost.rest.errors import ApiError

_LINK = "Microsoft.Communication/EmailServices/Domains/Write"


class _ServiceProperties(msgspec.Struct, rename="camel"):
    data_location: str | None = None
    linked_domains: list[str] | None = None
    public_network_access: PublicNetworkAccess | None = None
    disable_local_auth: bool | None = None


class _ServiceBody(msgspec.Struct):
    properties: _ServiceProperties = msgspec.field(default_factory=_ServiceProperties)
    location: str | None = None
    tags: dict[str, str] | None = None

    @property
    def spec(self) -> ServiceSpec:
        """The wanted resource."""
        properties = self.properties
        return ServiceSpec(
            properties.data_location,
            None if properties.linked_domains is None else tuple(properties.linked_domains),
            properties.public_network_access,
            None if properties.disable_local_auth is None else not properties.disable_local_auth,
            tags=self.tags,
        )


class _Regenerate(msgspec.Struct, rename="camel"):
    key_type: str


class _Name(msgspec.Struct):
    name: str
    type: str


class _Hub(msgspec.Struct, rename="camel"):
    resource_id: str
    connection_string: str


def _document(call: ArmCall, entry: CommunicationService) -> Document:
    """Return the resource. Its host name has our port, so that ``https://`` and it are a URL."""
    port = urlsplit(call.base).port
    properties: Document = {
        "provisioningState": "Succeeded",
        "hostName": f"{entry.name.lower()}.communication.localhost{f':{port}' if port else ''}",
        "dataLocation": entry.data_location,
        "linkedDomains": list(entry.linked_domains),
        "publicNetworkAccess": entry.public_network_access,
        "disableLocalAuth": not entry.local_auth,
        "version": "0.2.0-alpha",
    }
    if entry.immutable_id:
        properties["immutableResourceId"] = entry.immutable_id
    if entry.notification_hub_id:
        properties["notificationHubId"] = entry.notification_hub_id
    return tracked(entry, entry.stamp, entry.tags, properties)


async def put(call: ArmCall) -> Response:
    """``PUT .../communicationServices/{name}``: 201 for a new one, 200 for an existing one."""
    body = call.read(_ServiceBody)
    check_global(body.location, CommunicationService.resource_type)
    _require_links(call, body.spec)
    keys = call.site.keys
    sealed = keys.seal(generate_access_key()), keys.seal(generate_access_key())
    entry, status = await call.put(
        lambda snapshot: services.put(snapshot, call.scope, body.spec, sealed)
    )
    return JSONResponse(_document(call, entry), status)


async def patch(call: ArmCall) -> Response:
    """``PATCH .../communicationServices/{name}``."""
    spec = call.read(_ServiceBody).spec
    _require_links(call, spec)
    changes = await call.change(lambda snapshot: services.patch(snapshot, call.scope, spec))
    return JSONResponse(_document(call, changes.entry))


def _require_links(call: ArmCall, spec: ServiceSpec) -> None:
    """To link a domain permits mail from it, so the caller must be allowed to change the domain."""
    service = call.snapshot.get(CommunicationService, call.scope)
    linked = {each.lower() for each in service.linked_domains} if service else set()
    for each in spec.linked_domains or ():
        if each.lower() in linked or call.snapshot.get(Domain, each) is None:
            continue
        if not call.allows(_LINK, each):
            caller = call.caller
            raise ApiError(
                403,
                "LinkedAuthorizationFailed",
                f"The client '{caller.application_id}' with object id '{caller.principal_id}' has "
                f"permission to perform action 'Microsoft.Communication/CommunicationServices/"
                f"write' on scope '{call.scope}'; however, it does not have permission to perform "
                f"action(s) '{_LINK}' on the linked scope(s) '{each}'.",
            )


async def list_keys(call: ArmCall) -> Response:
    """``POST .../listKeys``."""
    return _keys(call, existing(call.snapshot, CommunicationService, call.scope))


async def regenerate_key(call: ArmCall) -> Response:
    """``POST .../regenerateKey``: the old key is refused from now on."""
    key_type = call.read(_Regenerate).key_type.lower()
    which: Literal["Primary", "Secondary"]
    if key_type == "primary":
        which = "Primary"
    elif key_type == "secondary":
        which = "Secondary"
    else:
        raise ApiError(400, "InvalidKeyType", "The keyType must be 'Primary' or 'Secondary'.")
    sealed = call.site.keys.seal(generate_access_key())
    changes = await call.change(
        lambda snapshot: services.regenerate_key(snapshot, call.scope, which, sealed)
    )
    return _keys(call, changes.entry)


def _keys(call: ArmCall, service: CommunicationService) -> Response:
    keys = {}
    for name, sealed in (("primary", service.primary_key), ("secondary", service.secondary_key)):
        key = call.site.keys.open(sealed).reveal()
        keys[f"{name}Key"] = key
        keys[f"{name}ConnectionString"] = f"endpoint={call.base}/;accesskey={key}"
    return JSONResponse(keys, headers={"Cache-Control": "no-store"})


async def link_notification_hub(call: ArmCall) -> Response:
    """``POST .../linkNotificationHub``: stored, but not used."""
    spec = ServiceSpec(notification_hub_id=call.read(_Hub).resource_id)
    changes = await call.change(lambda snapshot: services.patch(snapshot, call.scope, spec))
    return JSONResponse({"resourceId": changes.entry.notification_hub_id})


async def check_name(call: ArmCall) -> Response:
    """``POST .../checkNameAvailability``."""
    wanted = call.read(_Name)
    if wanted.type.lower() != CommunicationService.resource_type.lower():
        raise ApiError(
            400, "InvalidResourceType", f"Names of type '{wanted.type}' are not reserved."
        )
    taken = services.name_taken(call.snapshot, wanted.name)
    if not taken:
        return JSONResponse({"nameAvailable": True})
    reason = "AlreadyExists" if call.snapshot.find(CommunicationService, wanted.name) else "Invalid"
    return JSONResponse({"nameAvailable": False, "reason": reason, "message": taken})


get = get_handler(CommunicationService, _document)
listing = list_handler(CommunicationService, _document)
delete = delete_handler(services.delete)
