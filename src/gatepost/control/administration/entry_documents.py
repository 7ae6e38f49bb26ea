"""Entries as the command line shows them: plain documents, on whose keys scripts depend."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from gatepost.directory.azure.changes.domains import linked_by
from gatepost.directory.azure.changes.hierarchy import split_id
from gatepost.directory.azure.changes.role_definitions import assignments_of
from gatepost.directory.azure.changes.verification import PROOFS, records_of, status_of
from gatepost.directory.azure.entries import (
    Application,
    ClientSecret,
    CommunicationService,
    Domain,
    EmailService,
    Entry,
    ResourceGroup,
    RoleAssignment,
    RoleDefinition,
    SenderUsername,
    ServicePrincipal,
    SmtpUsername,
    Subscription,
    Tenant,
    principal_lookup,
)
from gatepost.directory.azure.login_checks import Denial, still_allowed
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.azure.resource_ids import parent_path
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.model.rfc3339 import utc_text

Document = dict[str, Any]


def document(view: Snapshot, entry: Entry, now: datetime) -> Document:
    """Return what a listing shows of an entry."""
    return _WRITERS[type(entry)](view, entry, now)


def mention(entry: Entry) -> Document:
    """Return what identifies an entry, for a document about another one."""
    called = (getattr(entry, name, "") for name in ("display_name", "role_name", "username"))
    return {"kind": entry.kind, "id": entry.id, "name": next(filter(None, called), entry.name)}


def _tenant(_view: Snapshot, entry: Tenant, _now: datetime) -> Document:
    return {"id": entry.id, "name": entry.domain}


def _app(view: Snapshot, entry: Application, _now: datetime) -> Document:
    lookup = principal_lookup(entry.id, entry.tenant_id)
    principal = next(iter(view.find(ServicePrincipal, lookup)), None)
    return {
        "id": entry.id,
        "name": entry.display_name,
        "object_id": entry.object_id,
        "tenant_id": entry.tenant_id,
        "multitenant": entry.multitenant,
        "redirect_uris": list(entry.redirect_uris),
        "service_principal_id": principal.id if principal else None,
        "secrets": len(view.find(ClientSecret, entry.id)),
    }


def _secret(view: Snapshot, entry: ClientSecret, now: datetime) -> Document:
    app = view.get(Application, entry.application_id)
    begun, over = now >= entry.start, now >= entry.end
    return {
        "id": entry.id,
        "name": entry.display_name or None,
        "app": app.display_name if app else None,
        "app_id": entry.application_id,
        "hint": entry.hint,
        "starts_at": utc_text(entry.start, "seconds"),
        "expires_at": utc_text(entry.end, "seconds"),
        "state": "expired" if over else "valid" if begun else "not_yet_valid",
    }


def _role(view: Snapshot, entry: RoleDefinition, _now: datetime) -> Document:
    return {
        "id": entry.id,
        "name": entry.role_name,
        "built_in": entry.built_in,
        "description": entry.description,
        "actions": [each for permission in entry.permissions for each in permission.actions],
        "not_actions": [
            each for permission in entry.permissions for each in permission.not_actions
        ],
        "scopes": list(entry.assignable_scopes),
        "assigned": len(assignments_of(view, entry)),
    }


def _assignment(view: Snapshot, entry: RoleAssignment, _now: datetime) -> Document:
    role = view.get(RoleDefinition, entry.role_definition_id)
    principal = view.get(ServicePrincipal, entry.principal_id)
    app = view.get(Application, principal.application_id) if principal else None
    return {
        "id": entry.id,
        "role": role.role_name if role else None,
        "role_id": entry.role_definition_id,
        "app": app.display_name if app else None,
        "app_id": principal.application_id if principal else None,
        "principal_id": entry.principal_id,
        "scope": entry.scope,
        "created_at": utc_text(entry.created_at, "seconds"),
    }


def _subscription(_view: Snapshot, entry: Subscription, _now: datetime) -> Document:
    return {
        "id": entry.id,
        "name": entry.display_name,
        "kind": "subscription",
        "subscription_id": entry.name,
        "tenant_id": entry.tenant_id,
    }


def _group(_view: Snapshot, entry: ResourceGroup, _now: datetime) -> Document:
    subscription = split_id(ResourceGroup, entry.id)[0]
    return {
        "id": entry.id,
        "name": entry.name,
        "kind": "group",
        "subscription_id": subscription.rpartition("/")[2],
        "location": entry.location,
    }


def _email(view: Snapshot, entry: EmailService, _now: datetime) -> Document:
    return {
        "id": entry.id,
        "name": entry.name,
        "kind": "email",
        "group": split_id(EmailService, entry.id)[0].rpartition("/")[2],
        "data_location": entry.data_location,
        "domains": [each.from_domain for each in view.find(Domain, entry.id)],
    }


def _communication(view: Snapshot, entry: CommunicationService, _now: datetime) -> Document:
    linked = (view.get(Domain, each) for each in entry.linked_domains)
    return {
        "id": entry.id,
        "name": entry.name,
        "kind": "communication",
        "group": split_id(CommunicationService, entry.id)[0].rpartition("/")[2],
        "data_location": entry.data_location,
        "linked_domains": [each.from_domain for each in linked if each is not None],
        "access_keys": entry.local_auth,
    }


def _domain(view: Snapshot, entry: Domain, _now: datetime) -> Document:
    return {
        "id": entry.id,
        "name": entry.name,
        "domain": entry.from_domain,
        "email_service": split_id(Domain, entry.id)[0].rpartition("/")[2],
        "management": entry.management,
        "verification": {proof: status_of(entry, proof) for proof in PROOFS},
        "linked_to": [each.name for each in linked_by(view, entry)],
    }


def _sender(view: Snapshot, entry: SenderUsername, _now: datetime) -> Document:
    domain = view.get(Domain, parent_path(entry.id))
    return {
        "id": entry.id,
        "name": entry.name,
        "username": entry.username,
        "display_name": entry.display_name,
        "address": f"{entry.username}@{domain.from_domain if domain else ''}",
    }


def _smtp_username(view: Snapshot, entry: SmtpUsername, _now: datetime) -> Document:
    app = view.get(Application, entry.application_id)
    return {
        "id": entry.id,
        "name": entry.name,
        "username": entry.username,
        "app": app.display_name if app else None,
        "app_id": entry.application_id,
        "tenant_id": entry.tenant_id,
        "resource": entry.service_id.rpartition("/")[2],
        "created_at": utc_text(entry.created_at, "seconds"),
    }


_WRITERS: Final[Mapping[type[Entry], Callable[[Snapshot, Any, datetime], Document]]] = {
    Tenant: _tenant,
    Application: _app,
    ClientSecret: _secret,
    RoleDefinition: _role,
    RoleAssignment: _assignment,
    Subscription: _subscription,
    ResourceGroup: _group,
    EmailService: _email,
    CommunicationService: _communication,
    Domain: _domain,
    SenderUsername: _sender,
    SmtpUsername: _smtp_username,
}


def verification_records(entry: Domain) -> list[Document]:
    """Return the DNS records that a domain's owner must publish, and the state of each
    verification."""
    return [
        {
            "proof": proof,
            "type": record.type,
            "host": record.host,
            "value": record.value,
            "ttl": record.ttl,
            "status": status_of(entry, proof),
            "error": entry.verification.errors.get(proof.lower()),
        }
        for proof, record in records_of(entry).items()
    ]


def user_names(view: Snapshot, application: Application, rules: Rules, now: datetime) -> list[str]:
    """Return the names with which an application can sign in to SMTP now."""
    candidates = [
        f"{service.name}.{application.id}.{principal.tenant_id}"
        for principal in view.all(ServicePrincipal)
        if principal.application_id.lower() == application.key
        for service in view.all(CommunicationService)
    ]
    candidates += [
        each.username
        for each in view.all(SmtpUsername)
        if each.application_id.lower() == application.key
    ]
    return [
        each for each in candidates if not isinstance(still_allowed(view, each, rules, now), Denial)
    ]
