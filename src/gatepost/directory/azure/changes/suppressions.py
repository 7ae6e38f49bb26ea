"""Customers' suppression lists, and the addresses on them."""

from dataclasses import dataclass, replace
from datetime import datetime

from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.hierarchy import existing, held_by, holder_of, place
from gatepost.directory.azure.entries import (
    SenderUsername,
    SuppressedAddress,
    SuppressionList,
    suppression_lookup,
)
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.model.address import parse_address


def put_list(
    snapshot: Snapshot, id: str, list_name: str, now: datetime
) -> Changes[SuppressionList]:
    """Create a list, or rename it. ``list_name`` is the local part of one of the domain's senders,
    to whose mail the list applies; empty: to all mail. Raises Rejected."""
    domain = holder_of(snapshot, SuppressionList, id)
    senders = {each.username.lower() for each in snapshot.find(SenderUsername, domain.id)}
    if list_name and list_name.lower() not in senders:
        raise Rejected(
            "InvalidListName",
            f"The list name '{list_name}' is not one of the domain's sender usernames.",
        )
    old = snapshot.get(SuppressionList, id)
    for other in snapshot.find(SuppressionList, domain.id):
        if other != old and other.list_name.lower() == list_name.lower():
            raise Rejected(
                "Conflict", f"There is a list '{other.name}' with this list name already.", 409
            )
    made = SuppressionList(
        old.id if old else place(snapshot, SuppressionList, id),
        list_name,
        old.created_at if old else now,
        now,
    )
    return Changes((made,), (), made)


def delete_list(snapshot: Snapshot, id: str) -> Changes[SuppressionList]:
    """Delete a list with its addresses."""
    entry = existing(snapshot, SuppressionList, id)
    return Changes((), (entry, *held_by(snapshot, entry.id)), entry)


@dataclass(frozen=True, slots=True)
class AddressSpec:
    """A recipient who gets no mail."""

    email: str
    first_name: str = ""
    last_name: str = ""
    notes: str = ""


def put_address(
    snapshot: Snapshot, id: str, spec: AddressSpec, now: datetime
) -> Changes[SuppressedAddress]:
    """Put an address on a list, or change it.

    Raises Rejected if it is not an address, or is on the list under another id.
    """
    holder = holder_of(snapshot, SuppressedAddress, id)
    assert isinstance(holder, SuppressionList)  # noqa: S101 - what holds addresses
    try:
        parse_address(spec.email)
    except ValueError as error:
        raise Rejected(
            "InvalidEmailAddress", f"Invalid format for email address: {error}."
        ) from None
    old = snapshot.get(SuppressedAddress, id)
    for other in snapshot.find(SuppressedAddress, suppression_lookup(holder.id, spec.email)):
        if other != old:
            raise Rejected(
                "Conflict", f"The address is on the list already, as '{other.name}'.", 409
            )
    made = SuppressedAddress(
        old.id if old else place(snapshot, SuppressedAddress, id),
        spec.email,
        spec.first_name,
        spec.last_name,
        spec.notes,
        now,
    )
    return Changes((made, replace(holder, updated_at=now)), (), made)


def delete_address(snapshot: Snapshot, id: str, now: datetime) -> Changes[SuppressedAddress]:
    """Remove an address from a list."""
    entry = existing(snapshot, SuppressedAddress, id)
    holder = existing(snapshot, SuppressionList, holder_of(snapshot, SuppressedAddress, id).id)
    return Changes((replace(holder, updated_at=now),), (entry,), entry)
