"""Subscriptions, tenants and registered providers."""

from typing import Final

from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes.hierarchy import no_subscription
from gatepost.directory.azure.changes.role_permissions import ACTIONS
from gatepost.directory.azure.entries import RoleAssignment, ServicePrincipal, Subscription, Tenant
from gatepost.directory.azure.resource_ids import is_within
from gatepost.rest.arm.handled_request import ArmCall
from gatepost.rest.arm.resource_documents import Document
from gatepost.rest.errors import ApiError

COMMUNICATION_VERSIONS: Final = (
    "2026-03-18", "2025-09-01", "2025-05-01", "2023-04-01", "2023-03-31", "2020-08-20",
)  # fmt: skip
_COMMUNICATION: Final = (
    "CommunicationServices",
    "CommunicationServices/SmtpUsernames",
    "EmailServices",
    "EmailServices/Domains",
    "EmailServices/Domains/SenderUsernames",
    "EmailServices/Domains/SuppressionLists",
    "EmailServices/Domains/SuppressionLists/SuppressionListAddresses",
    "Locations",
    "Locations/OperationStatuses",
    "Operations",
    "CheckNameAvailability",
)
_PROVIDERS: Final = {
    "Microsoft.Authorization": (
        ("roleAssignments", "roleDefinitions", "permissions"), ("2022-04-01",)),
    "Microsoft.Communication": (_COMMUNICATION, COMMUNICATION_VERSIONS),
    "Microsoft.Resources": (
        ("subscriptions", "resourceGroups", "resources", "tenants"), ("2025-04-01",)),
}  # fmt: skip


def _document(subscription: Subscription) -> Document:
    return {
        "id": subscription.id,
        "subscriptionId": subscription.name,
        "tenantId": subscription.tenant_id,
        "displayName": subscription.display_name or subscription.name,
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _has_role_in(call: ArmCall, subscription: Subscription) -> bool:
    """Tell whether the caller has any role in a subscription or above it."""
    mine = call.snapshot.find(RoleAssignment, call.caller.principal_id)
    scopes = [each.scope.lower() for each in mine]
    key = subscription.key
    return any(is_within(key, scope) or is_within(scope, key) for scope in scopes)


async def listing(call: ArmCall) -> Response:
    """``GET /subscriptions``: those in which the caller has a role."""
    subscriptions = call.snapshot.all(Subscription)
    return call.pages([_document(each) for each in subscriptions if _has_role_in(call, each)])


async def get(call: ArmCall) -> Response:
    """``GET /subscriptions/{id}``."""
    subscription = call.snapshot.get(Subscription, call.scope)
    if subscription is None:
        raise no_subscription(call.names[0])
    if not _has_role_in(call, subscription):
        call.require("Microsoft.Resources/subscriptions/read", call.scope)
    return JSONResponse(_document(subscription))


async def tenants(call: ArmCall) -> Response:
    """``GET /tenants``: those that contain the caller's application."""
    caller = call.caller
    application = caller.application_id.lower()
    ids = {
        each.tenant_id.lower()
        for each in call.snapshot.all(ServicePrincipal)
        if each.application_id.lower() == application
    }
    entries = [each for each in call.snapshot.all(Tenant) if each.key in ids]
    return call.pages(
        [
            {
                "id": f"/tenants/{each.id}",
                "tenantId": each.id,
                "tenantCategory": "Home",
                "tenantType": "AAD",
                "displayName": each.domain or each.id,
                "defaultDomain": each.domain,
                "domains": [each.domain] if each.domain else [],
            }
            for each in entries
        ]
    )


def _provider(namespace: str, subscription: str) -> Document:
    for name, (types, versions) in _PROVIDERS.items():
        if name.lower() == namespace.lower():
            return {
                "id": f"{subscription}/providers/{name}",
                "namespace": name,
                "registrationPolicy": "RegistrationRequired",
                "registrationState": "Registered",
                "resourceTypes": [
                    {
                        "resourceType": each,
                        "locations": ["global"],
                        "apiVersions": list(versions),
                        "capabilities": "None",
                    }
                    for each in types
                ],
            }
    raise ApiError(
        404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid."
    )


def _home(call: ArmCall) -> str:
    return "/".join(call.scope.split("/")[:3])


async def provider(call: ArmCall) -> Response:
    """``GET .../providers/{namespace}``, ``POST .../register``: always registered."""
    return JSONResponse(_provider(call.names[1], _home(call)))


async def providers(call: ArmCall) -> Response:
    """``GET /subscriptions/{id}/providers``."""
    return call.pages([_provider(each, _home(call)) for each in _PROVIDERS])


async def actions(call: ArmCall) -> Response:
    """``GET /providers/Microsoft.Communication/operations``: the actions that a role may grant."""
    documents = []
    for name in ACTIONS:
        provider_name, _, rest = name.partition("/")
        kind, _, verb = rest.rpartition("/")
        documents.append(
            {
                "name": name,
                "isDataAction": False,
                "display": {"provider": provider_name, "resource": kind, "operation": verb},
            }
        )
    return call.pages(documents)


async def exchange_domains(_call: ArmCall) -> Response:
    """``POST .../listVerifiedExchangeOnlineDomains``: there is no Exchange Online here."""
    return JSONResponse([])


async def operation_status(call: ArmCall) -> Response:
    """``GET .../operationStatuses/{id}``: 202 while it is in progress, then 200."""
    operation = call.background.get(call.names[-1])
    if operation is None or not is_within(operation.resource_id.lower(), _home(call).lower()):
        raise ApiError(404, "ResourceNotFound", "There is no operation with this id.")
    if operation.ended is None:
        headers = {"Location": f"{call.base}{call.path}?api-version={call.version}"}
        return Response(status_code=202, headers={**headers, "Retry-After": "1"})
    return JSONResponse(
        {
            "id": call.path,
            "name": operation.id,
            "status": "Succeeded",
            "resourceId": operation.resource_id,
            "startTime": operation.started.isoformat(),
            "endTime": operation.ended.isoformat(),
        }
    )
