"""Domains and their verification, senders and SMTP user names."""

import re
from typing import Final

from gatepost.control.administration.directory_changes import AdminContext
from gatepost.control.administration.entry_documents import Document, verification_records
from gatepost.control.administration.entry_lookup import (
    APP,
    COMMUNICATION,
    DOMAIN,
    EMAIL,
    TENANT,
    find,
    find_in_parent,
    find_or_only,
)
from gatepost.control.administration.operation_fields import (
    EntryName,
    NewDomain,
    NewSender,
    NewSmtpUsername,
    VerifyDomain,
)
from gatepost.directory.azure.changes import domains, senders, smtp_usernames, verification
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.hierarchy import resource_id
from gatepost.directory.azure.changes.smtp_usernames import SmtpUsernameSpec
from gatepost.directory.azure.changes.verification import PROOFS, Proof, prove, status_of
from gatepost.directory.azure.entries import Domain, SenderUsername, SmtpUsername
from gatepost.directory.azure.snapshot import Snapshot

_NO_NAME: Final = re.compile(r"[^\w.-]+")


async def create_domain(context: AdminContext, request: NewDomain) -> Document:
    """``domain create``: with the DNS records that its owner must publish."""
    name = request.name or (domains.MANAGED_NAME if request.managed else "")
    if not name:
        raise Rejected("BadRequest", "a customer-managed domain needs a name")

    def decide(view: Snapshot) -> Changes[Domain]:
        email = find_or_only(view, EMAIL, request.parent)
        path = resource_id(Domain, email.id, name)
        if view.get(Domain, path) is not None:
            raise Rejected("AlreadyExists", f"{email.name} has the domain {name!r} already", 409)
        return domains.put(view, path, "AzureManaged" if request.managed else "CustomerManaged")

    domain = await context.change(decide)
    return context.document(domain) | {"records": verification_records(domain)}


def domain_contents(context: AdminContext, domain: Domain) -> Document:
    """Return what ``domain show`` adds: its records and senders."""
    senders = context.view.find(SenderUsername, domain.id)
    return {
        "records": verification_records(domain),
        "senders": sorted(each.username for each in senders),
    }


async def create_sender(context: AdminContext, request: NewSender) -> Document:
    """``sender create``: a local part, or a complete address."""
    local, _, behind = request.name.partition("@")

    def decide(view: Snapshot) -> Changes[SenderUsername]:
        domain = find_or_only(view, DOMAIN, request.parent or behind)
        if behind and behind.lower() != domain.from_domain.lower():
            raise Rejected(
                "BadRequest", f"{request.name!r} is not an address of {domain.from_domain}"
            )
        path = resource_id(SenderUsername, domain.id, _NO_NAME.sub("-", local.lower()))
        if view.get(SenderUsername, path) is not None:
            raise Rejected(
                "AlreadyExists", f"{domain.from_domain} has the sender {local!r} already", 409
            )
        utf8 = context.directory.rules.utf8_senders
        return senders.put(view, path, local, request.display_name, utf8=utf8)

    return context.document(await context.change(decide))


async def create_smtp_username(context: AdminContext, request: NewSmtpUsername) -> Document:
    """``smtp-username create``."""
    now = context.now()

    def decide(view: Snapshot) -> Changes[SmtpUsername]:
        service = find_or_only(view, COMMUNICATION, request.parent)
        app = find_or_only(view, APP, request.app)
        tenant_id = find(view, TENANT, request.tenant).id if request.tenant else app.tenant_id
        path = resource_id(SmtpUsername, service.id, request.name)
        if view.get(SmtpUsername, path) is not None:
            raise Rejected("AlreadyExists", f"{service.name} has {request.name!r} already", 409)
        made = SmtpUsernameSpec(request.username, app.id, tenant_id)
        return smtp_usernames.put(view, path, made, now, context.directory.rules.actions)

    return context.document(await context.change(decide))


async def verify_domain(context: AdminContext, request: VerifyDomain) -> Document:
    """``domain verify``: the named verifications, or all; ``proven`` says whether they succeeded.

    Of all, only those count that linking requires; DMARC is not required.
    """
    domain = find_in_parent(context.view, DOMAIN, EntryName(request.name, request.parent))
    proofs = request.proofs or PROOFS
    if request.by_hand:
        named = domain.id
        domain = await context.change(lambda view: verification.confirm(view, named, proofs))
    else:
        way = "dns" if request.by_dns else context.verification
        for proof in proofs:
            if not request.proofs and proof != "Domain" and _is_unproven(domain):
                break
            domain = await _prove(context, domain, proof, way)
    proven = (
        all(status_of(domain, each) == "Verified" for each in request.proofs)
        if request.proofs
        else domain.verification.allows_linking
    )
    records = {"records": verification_records(domain), "proven": proven}
    return context.document(domain) | records


def _is_unproven(domain: Domain) -> bool:
    return domain.verification.domain != "Verified"


async def _prove(context: AdminContext, domain: Domain, proof: Proof, way: str) -> Domain:
    """Start a verification, and finish it unless it is to be finished manually."""
    begun = await context.change(lambda view: verification.initiate(view, domain.id, proof))
    if way == "manual" or status_of(begun, proof) == "Verified":
        return begun
    error = await prove(context.resolver, begun, proof) if way == "dns" else ""
    return await context.change(lambda view: verification.conclude(view, begun.id, proof, error))
