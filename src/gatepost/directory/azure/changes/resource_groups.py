"""Resource groups."""

from collections.abc import Mapping

from gatepost.directory.azure.changes.allowed_values import checked_tags, require_unchanged
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.domains import check_unlinked
from gatepost.directory.azure.changes.hierarchy import existing, held_by, place
from gatepost.directory.azure.entries import ResourceGroup
from gatepost.directory.azure.snapshot import Snapshot


def put(
    snapshot: Snapshot, id: str, location: str, tags: Mapping[str, str] | None = None
) -> Changes[ResourceGroup]:
    """Create a group, or change its tags; it stays in its ``location``. Raises Rejected."""
    location = location.replace(" ", "").lower()
    if not location:
        raise Rejected("LocationRequired", "The location property is required for this definition.")
    old = snapshot.get(ResourceGroup, id)
    if old is not None:
        require_unchanged("location", old.location, location)
    group = ResourceGroup(
        old.id if old else place(snapshot, ResourceGroup, id), location, checked_tags(tags)
    )
    return Changes((group,), (), group)


def delete(snapshot: Snapshot, id: str) -> Changes[ResourceGroup]:
    """Delete a group and everything in it.

    Raises Rejected if a domain in it is linked to a resource outside.
    """
    group = existing(snapshot, ResourceGroup, id)
    held = held_by(snapshot, group.id)
    check_unlinked(snapshot, held)
    return Changes((), (group, *held), group)
