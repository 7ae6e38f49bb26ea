"""Domains of an Email service: Azure-managed ones, and verified domains of a customer."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from gatepost.directory.azure.changes.allowed_values import checked_tags, require_unchanged
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.hierarchy import existing, held_by, holder_of, place
from gatepost.directory.azure.entries import (
    VERIFIED,
    CommunicationService,
    Domain,
    DomainManagement,
    EmailService,
    Entry,
    SenderUsername,
)
from gatepost.directory.azure.resource_ids import child_path, new_guid
from gatepost.directory.azure.snapshot import Snapshot

MANAGED_NAME: Final = "AzureManagedDomain"
"""The only name of an Azure-managed domain."""
MANAGED_PARENT: Final = "azurecomm.net"

_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")


def put(
    snapshot: Snapshot,
    id: str,
    management: DomainManagement,
    *,
    engagement_tracking: bool = False,
    tags: Mapping[str, str] | None = None,
) -> Changes[Domain]:
    """Add a domain to an Email service, or change its tags and tracking.

    A new Azure-managed one is verified and has the sender ``DoNotReply``; a customer's must be
    verified. Raises Rejected.
    """
    old = snapshot.get(Domain, id)
    if old is not None:
        require_unchanged("domainManagement", old.management, management)
        changed = replace(old, engagement_tracking=engagement_tracking, tags=checked_tags(tags))
        return Changes((changed,), (), changed)
    email = holder_of(snapshot, Domain, id)
    assert isinstance(email, EmailService)  # noqa: S101 - what holds domains
    path = place(snapshot, Domain, id)
    name = _name(path.rpartition("/")[2], management)
    if management == "AzureManaged":
        path = child_path(email.id, "domains", MANAGED_NAME)  # in any case of letters
    domain = Domain(
        path,
        management,
        name,
        name,
        email.data_location,
        engagement_tracking=engagement_tracking,
        tags=checked_tags(tags),
    )
    if not domain.is_managed:
        domain = replace(domain, verification_token=new_guid())
        return Changes((domain,), (), domain)
    domain = replace(domain, verification=VERIFIED)
    sender = SenderUsername(
        child_path(path, "senderUsernames", "donotreply"), "DoNotReply", "DoNotReply"
    )
    return Changes((domain, sender), (), domain)


def _name(name: str, management: DomainManagement) -> str:
    """Return the domain name in addresses. An Email service has at most one Azure-managed domain,
    because all of them have the same resource name."""
    if management == "AzureManaged":
        if name.lower() != MANAGED_NAME.lower():
            raise Rejected(
                "InvalidResourceName", f"An Azure managed domain is named '{MANAGED_NAME}'."
            )
        return f"{new_guid()}.{MANAGED_PARENT}"
    if not _HOST.fullmatch(name) or name.rpartition(".")[2].isdigit():
        raise Rejected("InvalidResourceName", f"'{name}' is not the name of a domain.")
    if f".{name.lower()}".endswith(f".{MANAGED_PARENT}"):
        raise Rejected(
            "InvalidResourceName", f"{MANAGED_PARENT} is Azure's; use an Azure managed domain."
        )
    return name.lower()


def patch(
    snapshot: Snapshot,
    id: str,
    *,
    engagement_tracking: bool | None = None,
    tags: Mapping[str, str] | None = None,
) -> Changes[Domain]:
    """Change only the given properties. Raises Rejected."""
    domain = existing(snapshot, Domain, id)
    if engagement_tracking is not None:
        domain = replace(domain, engagement_tracking=engagement_tracking)
    if tags is not None:
        domain = replace(domain, tags=checked_tags(tags))
    return Changes((domain,), (), domain)


def delete(snapshot: Snapshot, id: str) -> Changes[Domain]:
    """Delete a domain with its senders and lists. Raises Rejected while it is linked."""
    domain = existing(snapshot, Domain, id)
    check_unlinked(snapshot, (domain,))
    return Changes((), (domain, *held_by(snapshot, domain.id)), domain)


def linked_by(snapshot: Snapshot, domain: Domain) -> list[CommunicationService]:
    """Return the Communication Services resources to which the domain is linked."""
    return [
        each
        for each in snapshot.all(CommunicationService)
        if domain.key in map(str.lower, each.linked_domains)
    ]


def check_unlinked(snapshot: Snapshot, going: Iterable[Entry]) -> None:
    """Raise Rejected if one of the deleted domains is linked to a resource that stays."""
    going = tuple(going)
    for domain in going:
        if not isinstance(domain, Domain):
            continue
        staying = [each.name for each in linked_by(snapshot, domain) if each not in going]
        if staying:
            raise Rejected(
                "Conflict",
                f"The domain '{domain.name}' is linked to {', '.join(staying)}. "
                "Unlink it (linkedDomains) before it is deleted.",
                409,
            )
