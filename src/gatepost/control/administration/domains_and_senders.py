"""Domains, senders and SMTP user names."""

import re
from typing import Final

from gatepost.control.administration.context import AdminContext
from gatepost.control.administration.documents import Document, verification_records
from gatepost.control.administration.entry_lookup import (
    APP,
    COMMUNICATION,
    DOMAIN,
    EMAIL,
    SENDER,
    SMTP_USERNAME,
    TENANT,
    entries_of,
    find,
    find_or_only,
)
from gatepost.control.administration.requests import (
    EntryName,
    Listing,
    NewDomain,
    NewSender,
    NewSmtpUsername,
)
from gatepost.directory.azure.changes import domains, senders, smtp_usernames
from gatepost.directory.azure.changes.hierarchy import resource_id
from gatepost.directory.azure.changes.outcome import Changes, Rejected
from gatepost.directory.azure.changes.smtp_usernames import SmtpUsernameSpec
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

    return _with_records(context, await context.change(decide))


def _with_records(context: AdminContext, domain: Domain) -> Document:
    return context.document(domain) | {"records": verification_records(domain)}


async def list_domains(context: AdminContext, request: Listing) -> Document:
    """``domain list``."""
    email = find(context.view, EMAIL, request.parent) if request.parent else None
    return {"domains": [context.document(each) for each in entries_of(context.view, DOMAIN, email)]}


async def show_domain(context: AdminContext, request: EntryName) -> Document:
    """``domain show``: with its records and senders."""
    domain = _domain(context.view, request.name, request.parent)
    senders = context.view.find(SenderUsername, domain.id)
    return _with_records(context, domain) | {"senders": sorted(each.username for each in senders)}


async def delete_domain(context: AdminContext, request: EntryName) -> Document:
    """``domain delete``: not while it is linked, as in Azure."""
    return await context.delete(
        lambda view: domains.delete(view, _domain(view, request.name, request.parent).id)
    )


def _domain(view: Snapshot, name: str, parent: str) -> Domain:
    return find(view, DOMAIN, name, find(view, EMAIL, parent) if parent else None)


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


async def list_senders(context: AdminContext, request: Listing) -> Document:
    """``sender list``."""
    domain = find(context.view, DOMAIN, request.parent) if request.parent else None
    return {
        "senders": [context.document(each) for each in entries_of(context.view, SENDER, domain)]
    }


async def show_sender(context: AdminContext, request: EntryName) -> Document:
    """``sender show``."""
    return context.document(_sender(context.view, request))


async def delete_sender(context: AdminContext, request: EntryName) -> Document:
    """``sender delete``."""
    return await context.delete(lambda view: senders.delete(view, _sender(view, request).id))


def _sender(view: Snapshot, request: EntryName) -> SenderUsername:
    domain = find(view, DOMAIN, request.parent) if request.parent else None
    return find(view, SENDER, request.name, domain)


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


async def list_smtp_usernames(context: AdminContext, request: Listing) -> Document:
    """``smtp-username list``."""
    service = find(context.view, COMMUNICATION, request.parent) if request.parent else None
    entries = entries_of(context.view, SMTP_USERNAME, service)
    return {"smtp_usernames": [context.document(each) for each in entries]}


async def show_smtp_username(context: AdminContext, request: EntryName) -> Document:
    """``smtp-username show``."""
    return context.document(_smtp_username(context.view, request))


async def delete_smtp_username(context: AdminContext, request: EntryName) -> Document:
    """``smtp-username delete``."""
    return await context.delete(
        lambda view: smtp_usernames.delete(view, _smtp_username(view, request).id)
    )


def _smtp_username(view: Snapshot, request: EntryName) -> SmtpUsername:
    service = find(view, COMMUNICATION, request.parent) if request.parent else None
    return find(view, SMTP_USERNAME, request.name, service)
