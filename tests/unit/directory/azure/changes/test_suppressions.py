"""Customers' suppression lists."""

from datetime import timedelta

import pytest

from gatepost.directory.azure.changes import senders, suppressions
from gatepost.directory.azure.changes.change_result import stamped
from gatepost.directory.azure.changes.suppressions import AddressSpec
from gatepost.directory.azure.entries import SuppressedAddress, SuppressionList, suppression_lookup
from gatepost.directory.azure.resource_ids import new_guid
from gatepost.directory.azure.snapshot import Snapshot
from tests.unit.directory.azure.changes.refusals import code, refusal
from tests.unit.directory.azure.world import DOMAIN, NOW, OTHER, SECRET, world

LIST = f"{DOMAIN}/suppressionLists/news"
PLACE = f"{LIST}/suppressionListAddresses/{OTHER}"
LATER = NOW + timedelta(hours=1)


def with_list() -> Snapshot:
    snapshot = world()
    snapshot.apply(suppressions.put_list(snapshot, LIST, "donotreply", NOW).put)
    return snapshot


def test_a_list_is_for_a_sender_of_the_domain_or_for_all() -> None:
    for name, expected in (("DONOTREPLY", ""), ("", ""), ("info", "InvalidListName")):
        put = code(lambda name=name: suppressions.put_list(world(), LIST, name, NOW))  # type: ignore[misc]
        assert put == expected
    second = f"{DOMAIN}/suppressionLists/second"
    twice = refusal(lambda: suppressions.put_list(with_list(), second, "DoNotReply", NOW))
    assert twice == ("Conflict", 409)


def test_a_list_knows_when_it_was_made_and_changed() -> None:
    snapshot = with_list()
    snapshot.apply(suppressions.put_address(snapshot, PLACE, AddressSpec("a@b.example"), LATER).put)
    kept = snapshot.get(SuppressionList, LIST)
    assert kept is not None
    assert (kept.created_at, kept.updated_at) == (NOW, LATER)


@pytest.mark.parametrize("email", ["", "ann", "ann@", "<ann@example.net>", "a b@example.net"])
def test_only_addresses_are_listed(email: str) -> None:
    put = code(lambda: suppressions.put_address(with_list(), PLACE, AddressSpec(email), NOW))
    assert put == "InvalidEmailAddress"


def test_an_address_is_found_and_listed_once() -> None:
    snapshot = with_list()
    wish = AddressSpec("Ann@Example.net", "Ann", notes="asked us to stop")
    snapshot.apply(suppressions.put_address(snapshot, PLACE, wish, NOW).put)
    [found] = snapshot.find(SuppressedAddress, suppression_lookup(LIST, "ann@example.NET"))
    assert (found.first_name, found.notes) == ("Ann", "asked us to stop")
    other = f"{LIST}/suppressionListAddresses/{SECRET}"
    again = AddressSpec("ann@example.net")
    twice = refusal(lambda: suppressions.put_address(snapshot, other, again, NOW))
    assert twice == ("Conflict", 409)
    snapshot.apply(suppressions.put_address(snapshot, PLACE, again, NOW).put)
    gone = suppressions.delete_address(snapshot, PLACE, NOW)
    snapshot.apply(gone.put, gone.delete)
    assert snapshot.all(SuppressedAddress) == ()


def test_a_list_goes_with_its_addresses_and_keeps_its_sender() -> None:
    snapshot = with_list()
    snapshot.apply(suppressions.put_address(snapshot, PLACE, AddressSpec("a@b.example"), NOW).put)
    kept = refusal(lambda: senders.delete(snapshot, f"{DOMAIN}/senderUsernames/donotreply"))
    assert kept == ("Conflict", 409)
    assert len(suppressions.delete_list(snapshot, LIST).delete) == 2


def test_changes_are_stamped_with_their_author() -> None:
    snapshot = world()
    by, other = new_guid(), new_guid()
    made = stamped(snapshot, suppressions.put_list(snapshot, LIST, "", NOW), NOW, by)
    assert made.put == (made.entry,)
    snapshot.apply(made.put)
    wish = AddressSpec("a@b.example")
    changes = suppressions.put_address(snapshot, PLACE, wish, LATER)
    changed = stamped(snapshot, changes, LATER, other)
    address, holder = changed.put
    assert address is changed.entry
    assert changed.entry.stamp.created_by == other
    assert isinstance(holder, SuppressionList)
    stamp = holder.stamp
    assert (stamp.created_by, stamp.modified_by) == (by, other)
    assert (stamp.created_at, stamp.modified_at) == (NOW, LATER)
