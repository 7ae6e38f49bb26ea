"""SMTP user names: login names that stand for an application."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.hierarchy import existing, holder_of, place
from gatepost.directory.azure.entries import (
    Application,
    CommunicationService,
    Domain,
    ServicePrincipal,
    SmtpUsername,
    principal_lookup,
)
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.directory.azure.roles import grant_of
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.directory.azure.username import UsernameError, parse_username
from gatepost.model.address import parse_address

_FREE: Final = re.compile(r"[\x21-\x7e]{1,320}")
"""Printable ASCII without spaces, which every client can send with AUTH LOGIN."""


@dataclass(frozen=True, slots=True)
class SmtpUsernameSpec:
    """A requested login name, and its application."""

    username: str
    application_id: str
    tenant_id: str


def put(
    snapshot: Snapshot,
    id: str,
    spec: SmtpUsernameSpec,
    now: datetime,
    actions: tuple[str, ...] = SEND_ACTIONS,
) -> Changes[SmtpUsername]:
    """Create an SMTP user name, or change it; it takes effect after the propagation delay.

    Rules (Microsoft Learn, "Set up SMTP authentication", 2025): an address must be in a linked
    domain, and the application must already have a role that grants ``actions``. Resource Manager
    refuses a user name that equals the resource's name. Raises Rejected.
    """
    service = holder_of(snapshot, SmtpUsername, id)
    assert isinstance(service, CommunicationService)  # noqa: S101 - what holds them
    old = snapshot.get(SmtpUsername, id)
    made = SmtpUsername(
        old.id if old else place(snapshot, SmtpUsername, id),
        spec.username,
        spec.application_id.lower(),
        spec.tenant_id.lower(),
        now,
    )
    _check_name(snapshot, service, made)
    _check_application(snapshot, service, made, actions)
    if old is not None and _is_same(old, made):
        return Changes((old,), (), old)
    return Changes((made,), (), made)


def _is_same(old: SmtpUsername, new: SmtpUsername) -> bool:
    return (old.username, old.application_id, old.tenant_id) == (
        new.username, new.application_id, new.tenant_id,
    )  # fmt: skip


def _check_name(snapshot: Snapshot, service: CommunicationService, made: SmtpUsername) -> None:
    username = made.username
    if not _FREE.fullmatch(username):
        raise _invalid("it must have 1 to 320 printable ASCII characters without spaces")
    if username.lower() == made.name.lower():
        raise _invalid("it must differ from the name of the resource")
    if "@" in username:
        _check_address(snapshot, service, username)
    _check_composite(service, made)
    for other in snapshot.find(SmtpUsername, username):
        if other.key != made.key:
            raise Rejected("Conflict", f"The SMTP username '{username}' is in use.", 409)


def _check_address(snapshot: Snapshot, service: CommunicationService, username: str) -> None:
    try:
        name = parse_address(username).domain
    except ValueError:
        raise _invalid("it has an @, and is not an address") from None
    domains = [snapshot.get(Domain, each) for each in service.linked_domains]
    linked = {
        each
        for domain in domains
        if domain is not None
        for each in (domain.from_domain.lower(), domain.mail_from_domain.lower())
    }
    if name.lower() not in linked:
        raise _invalid(
            f"it looks like an address, but the domain '{name}' is not linked to the "
            f"Communication Services resource '{service.name}'"
        )


def _check_composite(service: CommunicationService, made: SmtpUsername) -> None:
    """Refuse the composite name of another application, because SMTP user names are looked up
    first."""
    try:
        name = parse_username(made.username)
    except UsernameError:
        return
    own = (service.name.lower(), made.application_id, made.tenant_id)
    if (name.resource.lower(), name.application_id, name.tenant_id) != own:
        raise _invalid("it names another resource, application or tenant")


def _check_application(
    snapshot: Snapshot, service: CommunicationService, made: SmtpUsername, actions: tuple[str, ...]
) -> None:
    for name, guid in (("entraApplicationId", made.application_id), ("tenantId", made.tenant_id)):
        if not is_guid(guid):
            raise Rejected("InvalidRequestContent", f"The property '{name}' is not a GUID.")
    lookup = principal_lookup(made.application_id, made.tenant_id)
    principals = snapshot.find(ServicePrincipal, lookup)
    if not principals or snapshot.get(Application, made.application_id) is None:
        raise Rejected(
            "InvalidEntraApplication",
            f"The application '{made.application_id}' has no service principal in the tenant "
            f"'{made.tenant_id}'.",
        )
    missing = grant_of(snapshot, principals[0].id, service.id, actions).missing
    if missing:
        raise Rejected(
            "InvalidEntraApplication",
            f"The application '{made.application_id}' has no role on the resource that grants "
            f"{', '.join(missing)}.",
        )


def _invalid(why: str) -> Rejected:
    return Rejected("InvalidSmtpUsername", f"The SMTP username is invalid: {why}.")


def delete(snapshot: Snapshot, id: str) -> Changes[SmtpUsername]:
    """Delete an SMTP user name: it cannot sign in any more."""
    entry = existing(snapshot, SmtpUsername, id)
    return Changes((), (entry,), entry)
