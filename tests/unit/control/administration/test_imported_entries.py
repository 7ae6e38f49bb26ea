"""``directory import``: what was read elsewhere, any number of times."""

from dataclasses import replace
from typing import Any

import pytest

from gatepost.directory.azure.changes import Rejected
from gatepost.directory.azure.entries import (
    CommunicationService,
    Domain,
    Entry,
    SuppressedAddress,
    Tenant,
)
from gatepost.directory.azure.entry_records import record_of
from gatepost.migrate.inventory import Inventory
from gatepost.migrate.read_inventory import InventoryReader
from tests.unit.control.administration.office import Office
from tests.unit.migrate.recorded_azure import DOMAIN, GRAPH, KEY, SERVICE, TENANT, Azure


def inventory() -> Inventory:
    azure = Azure()
    return InventoryReader(azure.reader(), azure.reader(GRAPH)).read()


def fields(*entries: Entry, service: tuple[str, str] | None = None) -> dict[str, Any]:
    records = [record_of(each) for each in entries]
    documents = [{"kind": each.kind, "id": each.id, "fields": each.fields} for each in records]
    return {"entries": documents, "access_keys": {SERVICE: service} if service else {}}


def test_everything_is_added_once() -> None:
    office, entries = Office([]), inventory().entries
    first = office.run("directory import", **fields(*entries, service=(KEY, "other")))
    assert first == {"added": len(entries) - 1, "changed": 0, "unchanged": 1}  # a built-in role
    again = office.run("directory import", **fields(*entries, service=(KEY, "other")))
    assert again == {"added": 0, "changed": 0, "unchanged": len(entries)}
    service = office.directory.get(CommunicationService, SERVICE)
    assert service is not None
    assert (service.primary_key, service.secondary_key) == (KEY.encode(), b"other")
    tenant = office.directory.get(Tenant, TENANT)
    assert tenant is not None
    assert tenant.domain


def test_what_has_changed_replaces_what_was_there_and_nothing_is_deleted() -> None:
    office, entries = Office([]), inventory().entries
    office.run("directory import", **fields(*entries, service=(KEY, "other")))
    domain = next(each for each in entries if each.id == DOMAIN)
    assert isinstance(domain, Domain)
    changed = fields(replace(domain, engagement_tracking=True), service=(KEY, "other"))
    assert office.run("directory import", **changed)["changed"] == 1
    assert len(office.directory.all(SuppressedAddress)) == 5


def test_access_keys_that_could_not_be_read_stay() -> None:
    office, entries = Office([]), inventory().entries
    office.run("directory import", **fields(*entries, service=(KEY, "other")))
    service = next(each for each in entries if each.id == SERVICE)
    assert office.run("directory import", **fields(service))["unchanged"] == 1
    renewed = office.run("directory import", **fields(service, service=("new", "other")))
    assert renewed["changed"] == 1
    stored = office.directory.get(CommunicationService, SERVICE)
    assert stored is not None
    assert stored.primary_key == b"new"


@pytest.mark.parametrize("kind", ["domain", "mailbox"])
def test_what_is_no_entry_is_refused_and_nothing_is_saved(kind: str) -> None:
    office = Office([])
    with pytest.raises(Rejected, match="directory import"):
        office.run("directory import", entries=[{"kind": kind, "id": "x", "fields": {}}])
    assert not office.records.kept
