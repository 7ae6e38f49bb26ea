"""Domains, senders and SMTP user names."""

import re
from typing import Final

from gatepost.app.administration.context import AdminContext
from gatepost.app.administration.documents import Document, verification_records
from gatepost.app.administration.nouns import (
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
from gatepost.app.administration.requests import (
    Listing,
    Named,
    NewDomain,
    NewSender,
    NewSmtpUsername,
)
from gatepost.directory.azure.changes import domains, senders, smtp_usernames
from gatepost.directory.azure.changes.hierarchy import resource_id
from gatepost.directory.azure.changes.outcome import Changes, Rejected
from gatepost.directory.azure.changes.smtp_usernames import SmtpUsernameWish
from gatepost.directory.azure.entries import Domain, SenderUsername, SmtpUsername
from gatepost.directory.azure.snapshot import Snapshot

_NO_NAME: Final = re.compile(r"[^\w.-]+")


async def create_domain(desk: AdminContext, wish: NewDomain) -> Document:
    """``domain create``: with what its owner has to publish."""
    name = wish.name or (domains.MANAGED_NAME if wish.managed else "")
    if not name:
        raise Rejected("BadRequest", "a customer's domain needs its name")

    def decide(view: Snapshot) -> Changes[Domain]:
        email = find_or_only(view, EMAIL, wish.parent)
        path = resource_id(Domain, email.id, name)
        if view.get(Domain, path) is not None:
            raise Rejected("AlreadyExists", f"{email.name} has the domain {name!r} already", 409)
        return domains.put(view, path, "AzureManaged" if wish.managed else "CustomerManaged")

    return _shown(desk, await desk.change(decide))


def _shown(desk: AdminContext, domain: Domain) -> Document:
    return desk.document(domain) | {"records": verification_records(domain)}


async def list_domains(desk: AdminContext, wish: Listing) -> Document:
    """``domain list``."""
    email = find(desk.view, EMAIL, wish.parent) if wish.parent else None
    return {"domains": [desk.document(each) for each in entries_of(desk.view, DOMAIN, email)]}


async def show_domain(desk: AdminContext, wish: Named) -> Document:
    """``domain show``: with its records and senders."""
    domain = _domain(desk.view, wish.name, wish.parent)
    found = desk.view.find(SenderUsername, domain.id)
    return _shown(desk, domain) | {"senders": sorted(each.username for each in found)}


async def delete_domain(desk: AdminContext, wish: Named) -> Document:
    """``domain delete``: not while it is linked, as in Azure."""
    return await desk.delete(
        lambda view: domains.delete(view, _domain(view, wish.name, wish.parent).id)
    )


def _domain(view: Snapshot, name: str, parent: str) -> Domain:
    return find(view, DOMAIN, name, find(view, EMAIL, parent) if parent else None)


async def create_sender(desk: AdminContext, wish: NewSender) -> Document:
    """``sender create``: a local part, or a whole address."""
    local, _, behind = wish.name.partition("@")

    def decide(view: Snapshot) -> Changes[SenderUsername]:
        domain = find_or_only(view, DOMAIN, wish.parent or behind)
        if behind and behind.lower() != domain.from_domain.lower():
            raise Rejected("BadRequest", f"{wish.name!r} is no address of {domain.from_domain}")
        path = resource_id(SenderUsername, domain.id, _NO_NAME.sub("-", local.lower()))
        if view.get(SenderUsername, path) is not None:
            raise Rejected(
                "AlreadyExists", f"{domain.from_domain} has the sender {local!r} already", 409
            )
        utf8 = desk.directory.rules.utf8_senders
        return senders.put(view, path, local, wish.display_name, utf8=utf8)

    return desk.document(await desk.change(decide))


async def list_senders(desk: AdminContext, wish: Listing) -> Document:
    """``sender list``."""
    domain = find(desk.view, DOMAIN, wish.parent) if wish.parent else None
    return {"senders": [desk.document(each) for each in entries_of(desk.view, SENDER, domain)]}


async def show_sender(desk: AdminContext, wish: Named) -> Document:
    """``sender show``."""
    return desk.document(_sender(desk.view, wish))


async def delete_sender(desk: AdminContext, wish: Named) -> Document:
    """``sender delete``."""
    return await desk.delete(lambda view: senders.delete(view, _sender(view, wish).id))


def _sender(view: Snapshot, wish: Named) -> SenderUsername:
    domain = find(view, DOMAIN, wish.parent) if wish.parent else None
    return find(view, SENDER, wish.name, domain)


async def create_smtp_username(desk: AdminContext, wish: NewSmtpUsername) -> Document:
    """``smtp-username create``."""
    now = desk.now()

    def decide(view: Snapshot) -> Changes[SmtpUsername]:
        service = find_or_only(view, COMMUNICATION, wish.parent)
        app = find_or_only(view, APP, wish.app)
        tenant_id = find(view, TENANT, wish.tenant).id if wish.tenant else app.tenant_id
        path = resource_id(SmtpUsername, service.id, wish.name)
        if view.get(SmtpUsername, path) is not None:
            raise Rejected("AlreadyExists", f"{service.name} has {wish.name!r} already", 409)
        made = SmtpUsernameWish(wish.username, app.id, tenant_id)
        return smtp_usernames.put(view, path, made, now, desk.directory.rules.actions)

    return desk.document(await desk.change(decide))


async def list_smtp_usernames(desk: AdminContext, wish: Listing) -> Document:
    """``smtp-username list``."""
    service = find(desk.view, COMMUNICATION, wish.parent) if wish.parent else None
    found = entries_of(desk.view, SMTP_USERNAME, service)
    return {"smtp_usernames": [desk.document(each) for each in found]}


async def show_smtp_username(desk: AdminContext, wish: Named) -> Document:
    """``smtp-username show``."""
    return desk.document(_smtp_username(desk.view, wish))


async def delete_smtp_username(desk: AdminContext, wish: Named) -> Document:
    """``smtp-username delete``."""
    return await desk.delete(
        lambda view: smtp_usernames.delete(view, _smtp_username(view, wish).id)
    )


def _smtp_username(view: Snapshot, wish: Named) -> SmtpUsername:
    service = find(view, COMMUNICATION, wish.parent) if wish.parent else None
    return find(view, SMTP_USERNAME, wish.name, service)
