"""Email Communication Services resources."""

from collections.abc import Mapping

from gatepost.directory.azure.changes.allowed_values import (
    checked_tags,
    data_location,
    require_unchanged,
)
from gatepost.directory.azure.changes.change_result import Changes
from gatepost.directory.azure.changes.domains import check_unlinked
from gatepost.directory.azure.changes.hierarchy import existing, held_by, place
from gatepost.directory.azure.entries import EmailService
from gatepost.directory.azure.snapshot import Snapshot


def put(
    snapshot: Snapshot, id: str, location: str, tags: Mapping[str, str] | None = None
) -> Changes[EmailService]:
    """Create an Email service, or change its tags; its data stays in ``location``.

    Raises Rejected.
    """
    location = data_location(location)
    old = snapshot.get(EmailService, id)
    if old is not None:
        require_unchanged("dataLocation", old.data_location, location)
    service = EmailService(
        old.id if old else place(snapshot, EmailService, id), location, checked_tags(tags)
    )
    return Changes((service,), (), service)


def delete(snapshot: Snapshot, id: str) -> Changes[EmailService]:
    """Delete an Email service with its domains. Raises Rejected while one of them is linked."""
    service = existing(snapshot, EmailService, id)
    held = held_by(snapshot, service.id)
    check_unlinked(snapshot, held)
    return Changes((), (service, *held), service)
