"""Subscriptions, resource groups, Email services and Communication Services resources."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gatepost.control.administration.directory_changes import AdminContext
from gatepost.control.administration.entry_documents import Document
from gatepost.control.administration.entry_lookup import (
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
from gatepost.control.administration.operation_fields import (
    EntryName,
    Keys,
    Link,
    Listing,
    NewResource,
)
from gatepost.directory.azure.changes import (
    email_services,
    resource_groups,
    services,
    subscriptions,
)
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.hierarchy import resource_id
from gatepost.directory.azure.changes.services import ServiceSpec
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


async def create_resource(context: AdminContext, request: NewResource) -> Document:
    """``resource create``."""
    sealed = context.keys.seal(generate_access_key()), context.keys.seal(generate_access_key())
    if request.links and request.kind != "communication":
        raise Rejected("BadRequest", "domains are linked to Communication Services resources only")

    def decide(view: Snapshot) -> Changes[Any]:
        if request.kind == "subscription":
            return _create_subscription(view, request)
        if request.kind == "group":
            return _create_group(view, request)
        group = find_or_only(view, GROUP, request.parent)
        location = request.data_location or DATA_LOCATION
        if request.kind == "email":
            path = _absent(view, EmailService, group, request.name)
            return email_services.put(view, path, location)
        path = _absent(view, CommunicationService, group, request.name)
        linked = tuple(find(view, DOMAIN, each).id for each in request.links)
        return services.put(view, path, ServiceSpec(location, linked), sealed)

    return context.document(await context.change(decide))


def _create_subscription(view: Snapshot, request: NewResource) -> Changes[Subscription]:
    tenant = find_or_only(view, TENANT, request.parent)
    if any(each.display_name == request.name for each in entries_of(view, SUBSCRIPTION, tenant)):
        raise Rejected("AlreadyExists", f"there is a subscription {request.name!r} already", 409)
    return subscriptions.create(view, tenant.id, request.name)


def _create_group(view: Snapshot, request: NewResource) -> Changes[ResourceGroup]:
    subscription = find_or_only(view, SUBSCRIPTION, request.parent)
    path = _absent(view, ResourceGroup, subscription, request.name)
    return resource_groups.put(view, path, request.location or LOCATION)


def _absent(view: Snapshot, kind: type[Entry], holder: Entry, name: str) -> str:
    """Return the id of a new resource; raises if it exists, because ``put`` would change it."""
    path = resource_id(kind, holder.id, name)
    if view.get(kind, path) is not None:
        raise Rejected("AlreadyExists", f"there is {name!r} in {holder.name} already", 409)
    return path


async def list_resources(context: AdminContext, request: Listing) -> Document:
    """``resource list``: of one kind, under one parent, or all."""
    view = context.view
    nouns = [RESOURCES[request.kind]] if request.kind else list(reversed(RESOURCES.values()))
    parent = _holder(view, request.parent) if request.parent else None
    entries = [each for noun in nouns for each in entries_of(view, noun, parent)]
    return {"resources": [context.document(each) for each in entries]}


def _holder(view: Snapshot, text: str) -> Entry:
    """Return a possible parent by its name: a group before a subscription or a tenant."""
    nouns: tuple[Noun[Any], ...] = (GROUP, SUBSCRIPTION)
    for noun in nouns:
        try:
            holder: Entry = find(view, noun, text)
        except Rejected:
            continue
        return holder
    return find(view, TENANT, text)


async def show_resource(context: AdminContext, request: EntryName) -> Document:
    """``resource show``."""
    resource = find_resource(context.view, request.name, request.kind)
    fields = context.document(resource)
    if isinstance(resource, CommunicationService):
        named = context.view.all(SmtpUsername)
        fields["smtp_usernames"] = [
            each.username for each in named if each.service_id.lower() == resource.key
        ]
    return fields


_DELETE: Final[Mapping[type[Entry], Callable[[Snapshot, str], Changes[Any]]]] = {
    Subscription: subscriptions.delete,
    ResourceGroup: resource_groups.delete,
    EmailService: email_services.delete,
    CommunicationService: services.delete,
}


async def delete_resource(context: AdminContext, request: EntryName) -> Document:
    """``resource delete``."""

    def decide(view: Snapshot) -> Changes[Any]:
        resource = find_resource(view, request.name, request.kind)
        return _DELETE[type(resource)](view, resource.id)

    return await context.delete(decide)


async def link_domain(context: AdminContext, request: Link) -> Document:
    """``resource link``: the resource may send from the domain."""

    def decide(view: Snapshot) -> Changes[CommunicationService]:
        service, domain = _pair(view, request)
        if domain.key in map(str.lower, service.linked_domains):
            raise Rejected("AlreadyExists", f"{domain.from_domain} is linked already", 409)
        linked = (*service.linked_domains, domain.id)
        return services.patch(view, service.id, ServiceSpec(linked_domains=linked))

    return context.document(await context.change(decide))


async def unlink_domain(context: AdminContext, request: Link) -> Document:
    """``resource unlink``: the resource may no longer send from the domain."""

    def decide(view: Snapshot) -> Changes[CommunicationService]:
        service, domain = _pair(view, request)
        left = tuple(each for each in service.linked_domains if each.lower() != domain.key)
        if left == service.linked_domains:
            raise Rejected("NotFound", f"{domain.from_domain} is not linked", 404)
        return services.patch(view, service.id, ServiceSpec(linked_domains=left))

    return context.document(await context.change(decide))


def _pair(view: Snapshot, request: Link) -> tuple[CommunicationService, Domain]:
    return find(view, COMMUNICATION, request.name), find(view, DOMAIN, request.domain)


async def access_keys(context: AdminContext, request: Keys) -> Document:
    """``resource keys``: both keys; one is regenerated if requested."""
    service = find_or_only(context.view, COMMUNICATION, request.name)
    if request.regenerate:
        sealed = context.keys.seal(generate_access_key())
        which: Any = request.regenerate.capitalize()
        service = await context.change(
            lambda view: services.regenerate_key(view, service.id, which, sealed)
        )
    primary, secondary = (
        context.keys.open(each).reveal() for each in (service.primary_key, service.secondary_key)
    )
    endpoint = f"endpoint={context.endpoint}/;accesskey=" if context.endpoint else None
    return {
        "resource": service.name,
        "primary_key": primary,
        "secondary_key": secondary,
        "primary_connection_string": endpoint and endpoint + primary,
        "secondary_connection_string": endpoint and endpoint + secondary,
    }
