"""Subscriptions, resource groups, Email services and Communication Services resources."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gatepost.app.administration.context import AdminContext
from gatepost.app.administration.documents import Document
from gatepost.app.administration.nouns import (
    COMMUNICATION,
    DOMAIN,
    GROUP,
    RESOURCES,
    SUBSCRIPTION,
    TENANT,
    Noun,
    entries_of,
    find,
    find_or_only,
    find_resource,
)
from gatepost.app.administration.requests import Keys, Link, Listing, Named, NewResource
from gatepost.directory.azure.changes import (
    email_services,
    resource_groups,
    services,
    subscriptions,
)
from gatepost.directory.azure.changes.hierarchy import resource_id
from gatepost.directory.azure.changes.outcome import Changes, Rejected
from gatepost.directory.azure.changes.services import ServiceWish
from gatepost.directory.azure.entries import (
    CommunicationService,
    Domain,
    EmailService,
    Entry,
    ResourceGroup,
    SmtpUsername,
    Subscription,
)
from gatepost.directory.azure.secrets import generate_access_key
from gatepost.directory.azure.snapshot import Snapshot

DATA_LOCATION: Final = "United States"
LOCATION: Final = "global"


async def create_resource(desk: AdminContext, wish: NewResource) -> Document:
    """``resource create``."""
    sealed = desk.keys.seal(generate_access_key()), desk.keys.seal(generate_access_key())
    if wish.links and wish.kind != "communication":
        raise Rejected("BadRequest", "domains are linked to Communication Services resources only")

    def decide(view: Snapshot) -> Changes[Any]:
        if wish.kind == "subscription":
            return _create_subscription(view, wish)
        if wish.kind == "group":
            return _create_group(view, wish)
        group = find_or_only(view, GROUP, wish.parent)
        location = wish.data_location or DATA_LOCATION
        if wish.kind == "email":
            path = _absent(view, EmailService, group, wish.name)
            return email_services.put(view, path, location)
        path = _absent(view, CommunicationService, group, wish.name)
        linked = tuple(find(view, DOMAIN, each).id for each in wish.links)
        return services.put(view, path, ServiceWish(location, linked), sealed)

    return desk.document(await desk.change(decide))


def _create_subscription(view: Snapshot, wish: NewResource) -> Changes[Subscription]:
    tenant = find_or_only(view, TENANT, wish.parent)
    if any(each.display_name == wish.name for each in entries_of(view, SUBSCRIPTION, tenant)):
        raise Rejected("AlreadyExists", f"there is a subscription {wish.name!r} already", 409)
    return subscriptions.create(view, tenant.id, wish.name)


def _create_group(view: Snapshot, wish: NewResource) -> Changes[ResourceGroup]:
    subscription = find_or_only(view, SUBSCRIPTION, wish.parent)
    path = _absent(view, ResourceGroup, subscription, wish.name)
    return resource_groups.put(view, path, wish.location or LOCATION)


def _absent(view: Snapshot, kind: type[Entry], holder: Entry, name: str) -> str:
    """Return the id that a new resource gets: ``put`` would change one that is there."""
    path = resource_id(kind, holder.id, name)
    if view.get(kind, path) is not None:
        raise Rejected("AlreadyExists", f"there is {name!r} in {holder.name} already", 409)
    return path


async def list_resources(desk: AdminContext, wish: Listing) -> Document:
    """``resource list``: those of one kind, under one parent, or all."""
    view = desk.view
    nouns = [RESOURCES[wish.kind]] if wish.kind else list(reversed(RESOURCES.values()))
    parent = _holder(view, wish.parent) if wish.parent else None
    found = [each for noun in nouns for each in entries_of(view, noun, parent)]
    return {"resources": [desk.document(each) for each in found]}


def _holder(view: Snapshot, text: str) -> Entry:
    """Return what may hold resources: by its name a group before a subscription or a tenant."""
    nouns: tuple[Noun[Any], ...] = (GROUP, SUBSCRIPTION)
    for noun in nouns:
        try:
            found: Entry = find(view, noun, text)
        except Rejected:
            continue
        return found
    return find(view, TENANT, text)


async def show_resource(desk: AdminContext, wish: Named) -> Document:
    """``resource show``."""
    found = find_resource(desk.view, wish.name, wish.kind)
    shown = desk.document(found)
    if isinstance(found, CommunicationService):
        named = desk.view.all(SmtpUsername)
        shown["smtp_usernames"] = [
            each.username for each in named if each.service_id.lower() == found.key
        ]
    return shown


_DELETE: Final[Mapping[type[Entry], Callable[[Snapshot, str], Changes[Any]]]] = {
    Subscription: subscriptions.delete,
    ResourceGroup: resource_groups.delete,
    EmailService: email_services.delete,
    CommunicationService: services.delete,
}


async def delete_resource(desk: AdminContext, wish: Named) -> Document:
    """``resource delete``."""

    def decide(view: Snapshot) -> Changes[Any]:
        found = find_resource(view, wish.name, wish.kind)
        return _DELETE[type(found)](view, found.id)

    return await desk.delete(decide)


async def link_domain(desk: AdminContext, wish: Link) -> Document:
    """``resource link``: the resource may send from the domain."""

    def decide(view: Snapshot) -> Changes[CommunicationService]:
        service, domain = _pair(view, wish)
        if domain.key in map(str.lower, service.linked_domains):
            raise Rejected("AlreadyExists", f"{domain.from_domain} is linked already", 409)
        linked = (*service.linked_domains, domain.id)
        return services.patch(view, service.id, ServiceWish(linked_domains=linked))

    return desk.document(await desk.change(decide))


async def unlink_domain(desk: AdminContext, wish: Link) -> Document:
    """``resource unlink``: the resource may send from the domain no more."""

    def decide(view: Snapshot) -> Changes[CommunicationService]:
        service, domain = _pair(view, wish)
        left = tuple(each for each in service.linked_domains if each.lower() != domain.key)
        if left == service.linked_domains:
            raise Rejected("NotFound", f"{domain.from_domain} is not linked", 404)
        return services.patch(view, service.id, ServiceWish(linked_domains=left))

    return desk.document(await desk.change(decide))


def _pair(view: Snapshot, wish: Link) -> tuple[CommunicationService, Domain]:
    return find(view, COMMUNICATION, wish.name), find(view, DOMAIN, wish.domain)


async def access_keys(desk: AdminContext, wish: Keys) -> Document:
    """``resource keys``: both keys, one of them new when that was asked for."""
    service = find_or_only(desk.view, COMMUNICATION, wish.name)
    if wish.regenerate:
        sealed = desk.keys.seal(generate_access_key())
        which: Any = wish.regenerate.capitalize()
        service = await desk.change(
            lambda view: services.regenerate_key(view, service.id, which, sealed)
        )
    keys = {
        "primary": desk.keys.open(service.primary_key).reveal(),
        "secondary": desk.keys.open(service.secondary_key).reveal(),
    }
    strings = {
        name: f"endpoint={desk.endpoint}/;accesskey={key}" if desk.endpoint else None
        for name, key in keys.items()
    }
    return {
        "resource": service.name,
        "primary_key": keys["primary"],
        "secondary_key": keys["secondary"],
        "primary_connection_string": strings["primary"],
        "secondary_connection_string": strings["secondary"],
    }
