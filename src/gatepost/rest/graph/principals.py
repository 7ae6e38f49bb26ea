"""Service principals: ``/servicePrincipals``.

https://learn.microsoft.com/graph/api/resources/serviceprincipal
"""

from typing import Final

import msgspec
from starlette.responses import Response

from gatepost.directory.azure.changes import Changes, Rejected
from gatepost.directory.azure.changes.applications import (
    create_service_principal,
    delete_service_principal,
)
from gatepost.directory.azure.entries import Application, ServicePrincipal
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.rest.graph.handled_request import GraphCall
from gatepost.rest.graph.object_documents import Document, principal_document

_PASSED_OVER: Final = frozenset(
    {
        "accountEnabled", "addIns", "alternativeNames", "appRoleAssignmentRequired", "appRoles",
        "customSecurityAttributes", "description", "displayName", "homepage", "loginUrl",
        "logoutUrl", "notes", "notificationEmailAddresses", "oauth2PermissionScopes",
        "preferredSingleSignOnMode", "preferredTokenSigningKeyThumbprint", "replyUrls",
        "samlSingleSignOnSettings", "servicePrincipalNames", "servicePrincipalType", "tags",
        "tokenEncryptionKeyId",
    }
)  # fmt: skip
"""Properties of a service principal in Graph that are ignored here."""


class _NewPrincipal(msgspec.Struct, rename="camel"):
    app_id: str


async def create(call: GraphCall) -> Response:
    """``POST /servicePrincipals``."""
    app_id = call.read(_NewPrincipal, passed_over=_PASSED_OVER).app_id
    tenant = call.tenant

    def decide(snapshot: Snapshot) -> Changes[ServicePrincipal]:
        application = snapshot.get(Application, app_id)
        if application is None:
            raise Rejected(
                "NoBackingApplicationObject",
                f"The appId '{app_id[:80]}' of the service principal does not reference a valid "
                "application object.",
            )
        return create_service_principal(snapshot, application, tenant.id)

    made = (await call.site.directory.change(decide)).entry
    return call.respond("servicePrincipals/$entity", _document(call, made), 201)


def _document(call: GraphCall, entry: ServicePrincipal) -> Document:
    return principal_document(entry, call.snapshot.get(Application, entry.application_id))


async def list_all(call: GraphCall) -> Response:
    """``GET /servicePrincipals``."""
    documents = [_document(call, each) for each in call.principals]
    return call.respond_page("servicePrincipals", documents, "ServicePrincipal")


async def show(call: GraphCall) -> Response:
    """``GET /servicePrincipals/{id}``."""
    return call.respond_selected("servicePrincipals", _document(call, call.principal))


async def delete(call: GraphCall) -> Response:
    """``DELETE /servicePrincipals/{id}``, with its role assignments."""
    principal = call.principal
    return await call.change(lambda snapshot: delete_service_principal(snapshot, principal))
