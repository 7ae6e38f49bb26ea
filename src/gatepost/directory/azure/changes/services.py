"""Communication Services resources: their linked domains and their access keys."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from gatepost.directory.azure.changes.allowed_values import (
    at_most,
    checked_tags,
    data_location,
    require_unchanged,
)
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.hierarchy import existing, held_by, is_name, place, split_id
from gatepost.directory.azure.entries import CommunicationService, Domain, PublicNetworkAccess
from gatepost.directory.azure.resource_ids import new_guid
from gatepost.directory.azure.snapshot import Snapshot

MOST_LINKED: Final = 100
"""Domains per resource (Microsoft Learn, service limits for Azure Communication Services)."""

_DOMAIN_ID: Final = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Communication"
    r"/emailServices/[^/]+/domains/[^/]+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """The requested properties of a resource. None: unchanged, or the default of a new one."""

    data_location: str | None = None
    linked_domains: tuple[str, ...] | None = None
    public_network_access: PublicNetworkAccess | None = None
    local_auth: bool | None = None
    notification_hub_id: str | None = None
    tags: Mapping[str, str] | None = None


def put(
    snapshot: Snapshot, id: str, spec: ServiceSpec, sealed_keys: tuple[bytes, bytes]
) -> Changes[CommunicationService]:
    """Create or replace a resource: properties that are not given get their defaults.

    ``sealed_keys`` are the access keys of a new one, primary and secondary. Raises Rejected.
    """
    if spec.data_location is None:
        raise Rejected(
            "InvalidRequestContent", "The property 'dataLocation' is required for this resource."
        )
    location = data_location(spec.data_location)
    old = snapshot.get(CommunicationService, id)
    if old is not None:
        require_unchanged("dataLocation", old.data_location, location)
        bare = replace(
            old, linked_domains=(), local_auth=True, public_network_access="Enabled", tags={}
        )
        return _changed(snapshot, bare, spec)
    path = place(snapshot, CommunicationService, id)
    taken = name_taken(snapshot, split_id(CommunicationService, path)[1])
    if taken:
        raise Rejected("NameReservationTaken", taken, 409)
    primary, secondary = sealed_keys
    new = CommunicationService(
        path, location, primary_key=primary, secondary_key=secondary, immutable_id=new_guid()
    )
    return _changed(snapshot, new, spec)


def patch(snapshot: Snapshot, id: str, spec: ServiceSpec) -> Changes[CommunicationService]:
    """Change only the given properties. Raises Rejected."""
    service = existing(snapshot, CommunicationService, id)
    if spec.data_location is not None:
        require_unchanged("dataLocation", service.data_location, data_location(spec.data_location))
    return _changed(snapshot, service, spec)


def _changed(
    snapshot: Snapshot, service: CommunicationService, spec: ServiceSpec
) -> Changes[CommunicationService]:
    given = {
        name: value
        for name in ("public_network_access", "local_auth", "notification_hub_id")
        if (value := getattr(spec, name)) is not None
    }
    if spec.linked_domains is not None:
        given["linked_domains"] = _linked(snapshot, service, spec.linked_domains)
    if spec.tags is not None:
        given["tags"] = checked_tags(spec.tags)
    changed = replace(service, **given)
    return Changes((changed,), (), changed)


def _linked(
    snapshot: Snapshot, service: CommunicationService, ids: Iterable[str]
) -> tuple[str, ...]:
    """Return the ids of the domains to link, each once, in their own spelling.

    Linking requires the four proofs of a domain, and the same data location (Microsoft Learn,
    "Connect a verified email domain").
    """
    linked: dict[str, Domain] = {}
    for path in ids:
        if not _DOMAIN_ID.fullmatch(path):
            raise Rejected(
                "LinkedInvalidPropertyId",
                f"Property id '{path}' at path 'properties.linkedDomains' is invalid. Expect fully "
                "qualified resource Id that start with '/subscriptions/{subscriptionId}' or "
                "'/providers/{resourceProviderNamespace}/'.",
            )
        domain = snapshot.get(Domain, path)
        if domain is None:
            raise _not_linkable(path, "there is no such domain")
        if not domain.verification.allows_linking:
            raise _not_linkable(path, f"it is not verified: {_unverified(domain)}")
        if domain.data_location != service.data_location:
            raise _not_linkable(
                path,
                f"its data location is {domain.data_location}, the resource's "
                f"{service.data_location}",
            )
        linked[domain.key] = domain
    names = [each.from_domain for each in linked.values()]
    if len(set(names)) < len(names):
        raise Rejected("InvalidLinkedDomains", "Two of the linked domains have the same name.")
    at_most(MOST_LINKED, len(linked), "domains linked to a resource")
    return tuple(each.id for each in linked.values())


def _not_linkable(id: str, why: str) -> Rejected:
    return Rejected("InvalidLinkedDomains", f"The domain '{id}' cannot be linked: {why}.")


def _unverified(domain: Domain) -> str:
    proofs = domain.verification
    states = {
        "Domain": proofs.domain, "SPF": proofs.spf, "DKIM": proofs.dkim, "DKIM2": proofs.dkim2,
    }  # fmt: skip
    return ", ".join(f"{name} {state}" for name, state in states.items() if state != "Verified")


def name_taken(snapshot: Snapshot, name: str) -> str:
    """Return why no resource can have this name; empty if it is free. Names are labels of one
    domain, so they are unique over all subscriptions."""
    if not is_name(CommunicationService, name):
        return (
            f"Resource name '{name}' is invalid: it has 1 to 63 letters, digits, '-' or '_', "
            "no others."
        )
    if snapshot.find(CommunicationService, name):
        return f"Specified name reservation is not available: '{name}' is taken."
    return ""


def regenerate_key(
    snapshot: Snapshot, id: str, which: Literal["Primary", "Secondary"], sealed: bytes
) -> Changes[CommunicationService]:
    """Replace one access key by ``sealed``; the old one is refused from now on."""
    service = existing(snapshot, CommunicationService, id)
    changed = (
        replace(service, primary_key=sealed)
        if which == "Primary"
        else replace(service, secondary_key=sealed)
    )
    return Changes((changed,), (), changed)


def delete(snapshot: Snapshot, id: str) -> Changes[CommunicationService]:
    """Delete a resource with its SMTP user names; its domains stay."""
    service = existing(snapshot, CommunicationService, id)
    return Changes((), (service, *held_by(snapshot, service.id)), service)
