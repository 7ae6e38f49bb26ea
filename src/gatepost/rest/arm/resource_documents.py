"""Resources as clients send them, and as Resource Manager shows them."""

from typing import Any, Final, Generic, TypeVar

import msgspec

from gatepost.directory.azure.entries import AuditStamp, Entry, Tags
from gatepost.model.rfc3339 import utc_text
from gatepost.rest.errors import ApiError

Document = dict[str, Any]
GLOBAL: Final = "global"
"""The only location of these resources."""
P = TypeVar("P", bound=msgspec.Struct)


class ResourceBody(msgspec.Struct, Generic[P]):
    """A resource with the properties ``P``."""

    properties: P


class TrackedBody(ResourceBody[P], Generic[P]):
    """A resource with a location and tags."""

    location: str | None = None
    tags: dict[str, str] | None = None


class TagsBody(msgspec.Struct):
    """A change of the tags only."""

    tags: dict[str, str] | None = None


def resource(entry: Entry, stamp: AuditStamp, properties: Document) -> Document:
    """Return a resource without a location (a proxy resource)."""
    document: Document = {
        "id": entry.id,
        "name": entry.name,
        "type": entry.resource_type.lower(),
        "properties": properties,
    }
    if stamp.created_at is not None:
        document["systemData"] = _system_data(stamp)
    return document


def tracked(entry: Entry, stamp: AuditStamp, tags: Tags, properties: Document) -> Document:
    """Return a resource with a location and tags."""
    return {
        **resource(entry, stamp, properties), "location": GLOBAL, "tags": dict(tags),
    }  # fmt: skip


def _system_data(stamp: AuditStamp) -> Document:
    document: Document = {}
    for name, by, at in (
        ("created", stamp.created_by, stamp.created_at),
        ("lastModified", stamp.modified_by, stamp.modified_at),
    ):
        if by:
            document |= {f"{name}By": by, f"{name}ByType": "Application"}
        if at is not None:
            document[f"{name}At"] = utc_text(at, "microseconds")
    return document


def check_global(location: str | None, kind: str) -> None:
    """Raise ApiError unless the location of a resource of ``kind`` is ``global``."""
    if location is None or not location.strip():
        raise ApiError(
            400, "LocationRequired", "The location property is required for this definition."
        )
    if location.replace(" ", "").lower() != GLOBAL:
        raise ApiError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{kind}'. "
            f"List of available regions for the resource type is '{GLOBAL}'.",
        )
