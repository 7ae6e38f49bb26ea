"""Applications: ``/applications``.

https://learn.microsoft.com/graph/api/resources/application
"""

from typing import Final

import msgspec
from starlette.responses import Response

from gatepost.directory.azure.changes import Changes
from gatepost.directory.azure.changes.applications import (
    change_application,
    create_application,
    delete_application,
)
from gatepost.directory.azure.changes.credentials import add_secret
from gatepost.directory.azure.entries import Application, ClientCertificate
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.rest.graph.credentials import (
    KeyCredentialBody,
    PasswordCredentialBody,
    make_secret,
    replace_certificates,
)
from gatepost.rest.graph.errors import bad_request
from gatepost.rest.graph.handled_request import GraphCall
from gatepost.rest.graph.object_documents import (
    Document,
    application_document,
    key_credential,
    password_credential,
)

_AUDIENCES: Final = {
    "azureadmyorg": False,
    "azureadmultipleorgs": True,
    "azureadandpersonalmicrosoftaccount": True,
}
_PASSED_OVER: Final = frozenset(
    {
        "addIns", "api", "appRoles", "authenticationBehaviors", "certification", "description",
        "defaultRedirectUri", "groupMembershipClaims", "identifierUris", "info",
        "isDeviceOnlyAuthSupported", "isFallbackPublicClient", "logo",
        "nativeAuthenticationApisEnabled", "notes", "oauth2RequirePostResponse",
        "optionalClaims", "owners", "parentalControlSettings",
        "publicClient", "requestSignatureVerification", "requiredResourceAccess",
        "samlMetadataUrl", "serviceManagementReference", "servicePrincipalLockConfiguration",
        "spa", "tags", "tokenEncryptionKeyId", "uniqueName", "verifiedPublisher",
    }
)  # fmt: skip
"""Properties of an application in Graph that are ignored here."""


class _Web(msgspec.Struct, frozen=True, rename="camel"):
    """Its ``homePageUrl``, ``implicitGrantSettings`` and ``logoutUrl`` are ignored."""

    redirect_uris: list[str] | None = None


class _NewApplication(msgspec.Struct, rename="camel"):
    display_name: str
    sign_in_audience: str | None = None
    key_credentials: list[KeyCredentialBody] = []
    password_credentials: list[PasswordCredentialBody] = []
    web: _Web = _Web()


class _ChangedApplication(msgspec.Struct, rename="camel"):
    display_name: str | None = None
    sign_in_audience: str | None = None
    key_credentials: list[KeyCredentialBody] | None = None
    web: _Web = _Web()


async def create(call: GraphCall) -> Response:
    """``POST /applications``."""
    spec = call.read(_NewApplication, passed_over=_PASSED_OVER)
    multitenant = _multitenant(spec.sign_in_audience) or False
    made = create_application(
        call.snapshot, call.tenant.id, spec.display_name, multitenant=multitenant,
        redirect_uris=spec.web.redirect_uris or (),
    ).entry  # fmt: skip
    alone = Snapshot([made])
    keys = replace_certificates(alone, made, spec.key_credentials)
    secrets = [make_secret(call, made, each) for each in spec.password_credentials]
    for secret, _ in secrets:
        add_secret(alone, secret)
    changes = Changes((*keys.put, *(secret for secret, _ in secrets)), (), made)
    await call.site.directory.change(lambda _: changes)
    document = _document(call, made)
    document["passwordCredentials"] = [
        password_credential(secret, value.reveal()) for secret, value in secrets
    ]
    return call.respond("applications/$entity", document, 201)


def _multitenant(audience: str | None) -> bool | None:
    if audience is None:
        return None
    if audience.lower() not in _AUDIENCES:
        raise bad_request(
            f"Invalid value specified for property 'signInAudience': '{audience[:80]}'."
        )
    return _AUDIENCES[audience.lower()]


def _document(call: GraphCall, entry: Application) -> Document:
    return application_document(call.snapshot, call.tenant, entry)


async def list_all(call: GraphCall) -> Response:
    """``GET /applications``."""
    documents = [_document(call, each) for each in call.applications]
    return call.respond_page("applications", documents, "Application")


async def show(call: GraphCall) -> Response:
    """``GET /applications/{id}``: includes the certificates if they are selected."""
    entry = call.application
    document = _document(call, entry)
    if "keycredentials" in call.query.get("$select", "").lower():
        certificates = call.snapshot.find(ClientCertificate, entry.id)
        document["keyCredentials"] = [key_credential(each, with_key=True) for each in certificates]
    return call.respond_selected("applications", document)


async def update(call: GraphCall) -> Response:
    """``PATCH /applications/{id}``; certificates that are not listed are removed."""
    spec = call.read(_ChangedApplication, passed_over=_PASSED_OVER)
    multitenant = _multitenant(spec.sign_in_audience)
    application = call.application

    def decide(snapshot: Snapshot) -> Changes[Application]:
        changed = change_application(
            application,
            display_name=spec.display_name,
            multitenant=multitenant,
            redirect_uris=spec.web.redirect_uris,
        )
        if spec.key_credentials is None:
            return changed
        return replace_certificates(snapshot, changed.entry, spec.key_credentials)

    return await call.change(decide)


async def delete(call: GraphCall) -> Response:
    """``DELETE /applications/{id}``: final; there are no deleted items here."""
    application = call.application
    return await call.change(lambda snapshot: delete_application(snapshot, application))
