"""Applications and service principals as Graph shows them.

https://learn.microsoft.com/graph/api/resources/application
https://learn.microsoft.com/graph/api/resources/serviceprincipal
"""

import base64
from typing import Any

from gatepost.directory.azure.entries import (
    Application,
    ClientCertificate,
    ClientSecret,
    ServicePrincipal,
    Tenant,
)
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.model.rfc3339 import utc_text

Document = dict[str, Any]


def application_document(snapshot: Snapshot, tenant: Tenant, entry: Application) -> Document:
    """Return an application with its credentials, but without any key or secret."""
    return {
        "id": entry.object_id,
        "deletedDateTime": None,
        "appId": entry.id,
        "displayName": entry.display_name,
        "identifierUris": [],
        "publisherDomain": tenant.domain,
        "signInAudience": audience_of(entry),
        "tags": [],
        "web": {"redirectUris": list(entry.redirect_uris)},
        "keyCredentials": [
            key_credential(each) for each in snapshot.find(ClientCertificate, entry.id)
        ],
        "passwordCredentials": [
            password_credential(each) for each in snapshot.find(ClientSecret, entry.id)
        ],
    }


def audience_of(entry: Application) -> str:
    """Return which accounts an application is for."""
    return "AzureADMultipleOrgs" if entry.multitenant else "AzureADMyOrg"


def principal_document(entry: ServicePrincipal, application: Application | None) -> Document:
    """Return a service principal."""
    name = application.display_name if application else entry.display_name
    return {
        "id": entry.id,
        "deletedDateTime": None,
        "accountEnabled": True,
        "appDisplayName": name,
        "appId": entry.application_id,
        "appOwnerOrganizationId": application.tenant_id if application else None,
        "displayName": entry.display_name or name,
        "servicePrincipalNames": [entry.application_id],
        "servicePrincipalType": "Application",
        "signInAudience": audience_of(application) if application else None,
        "tags": [],
        "keyCredentials": [],
        "passwordCredentials": [],
    }


def password_credential(entry: ClientSecret, value: str | None = None) -> Document:
    """Return a client secret; its ``value`` is known only when it is created."""
    return {
        "customKeyIdentifier": None,
        "displayName": entry.display_name or None,
        "endDateTime": utc_text(entry.end),
        "hint": entry.hint,
        "keyId": entry.id,
        "secretText": value,
        "startDateTime": utc_text(entry.start),
    }


def key_credential(entry: ClientCertificate, *, with_key: bool = False) -> Document:
    """Return a certificate; ``with_key`` includes it (in Graph: if ``$select`` contains it)."""
    return {
        "customKeyIdentifier": _base64(bytes.fromhex(entry.thumbprint)),
        "displayName": entry.display_name or None,
        "endDateTime": utc_text(entry.end),
        "key": _base64(entry.certificate) if with_key else None,
        "keyId": entry.id,
        "startDateTime": utc_text(entry.start),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    }


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
