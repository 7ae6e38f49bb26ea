"""Every kind of entry survives the store."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.directory.azure.entries import (
    KINDS,
    AuditStamp,
    ClientCertificate,
    Entry,
    SuppressedAddress,
    SuppressionList,
)
from gatepost.directory.azure.entry_records import entries_of, record_of
from gatepost.directory.azure.resource_ids import child_path
from gatepost.directory.contract import Record
from tests.unit.directory.azure.world import DOMAIN, NOW, OTHER, entries, smtp_username

LIST = SuppressionList(
    child_path(DOMAIN, "suppressionLists", "news"), "DoNotReply", NOW, NOW, AuditStamp(NOW, OTHER)
)
ADDRESS = SuppressedAddress(
    child_path(LIST.id, "suppressionListAddresses", OTHER),
    "ann@example.net",
    "Ann",
    modified_at=NOW,
)
CERTIFICATE = ClientCertificate(OTHER, OTHER, b"\x30\x82", NOW, NOW, "signs")
SAMPLES = [*entries().values(), smtp_username("smtp-login"), LIST, ADDRESS, CERTIFICATE]


def test_every_kind_has_a_sample() -> None:
    assert {type(sample) for sample in SAMPLES} == set(KINDS)


@pytest.mark.parametrize("entry", SAMPLES, ids=lambda entry: entry.kind)
def test_an_entry_survives_json(entry: Entry) -> None:
    record = record_of(entry)
    assert record.id == entry.id.lower()
    fields = json.loads(json.dumps(record.fields))
    assert entries_of([Record(record.kind, record.id, fields)], {}) == [entry]


def test_fields_of_a_later_version_are_passed_over() -> None:
    record = Record("tenant", "t", {"id": "t", "domain": "d", "added_later": datetime.now(UTC)})
    assert [entry.id for entry in entries_of([record], {})] == ["t"]


@pytest.mark.parametrize(
    ("entry", "fields", "remains", "left"),
    [
        (ADDRESS, {}, {"email": "ann@example.net"}, "ann@example.net"),
        (ADDRESS, {"email": "ann@example.net", "notes": 5}, {}, "ann@example.net"),
        (ADDRESS, {}, {"first_name": "Ann"}, None),
        (LIST, {}, {"list_name": "DoNotReply"}, "DoNotReply"),
        (LIST, {}, {}, ""),
    ],
)
def test_a_damaged_suppression_keeps_mail_back_as_long_as_it_says_whose(
    entry: Entry, fields: dict[str, Any], remains: dict[str, str], left: str | None
) -> None:
    damaged: dict[str, str] = {}
    found = entries_of([Record(entry.kind, entry.key, fields, remains)], damaged)
    said = [getattr(each, "email", "") or getattr(each, "list_name", "") for each in found]
    assert said == ([] if left is None else [left])
    assert [each.found_by for each in found] == [entry.found_by] * len(found)
    assert ("still" in damaged[f"{entry.kind} {entry.key}"]) == bool(found)


def test_other_damaged_records_are_dropped() -> None:
    """A role without its end would never end."""
    roles = [each for each in SAMPLES if each.kind == "role_assignment"]
    records = [Record(each.kind, each.key, {}, record_of(each).fields) for each in roles]
    assert entries_of(records, {}) == []
