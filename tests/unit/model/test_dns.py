"""The answers for the two address families become one."""

import pytest

from gatepost.model.dns import DnsAnswer, local_addresses, merge_families

SIX: DnsAnswer[str] = DnsAnswer("found", ("2001:db8::1",), 60)
FOUR: DnsAnswer[str] = DnsAnswer("found", ("192.0.2.1",), 300)
NONE: DnsAnswer[str] = DnsAnswer("no_records", (), 5)
NO_NAME: DnsAnswer[str] = DnsAnswer("no_such_name", (), 7)
FAILED: DnsAnswer[str] = DnsAnswer("failed", reason="silence")

MERGED = [
    (SIX, FOUR, DnsAnswer("found", ("2001:db8::1", "192.0.2.1"), 60)),
    (NONE, FOUR, FOUR),
    (NO_NAME, FOUR, FOUR),
    (SIX, FAILED, SIX.because("silence")),
    (FAILED, NONE, FAILED),
    (NO_NAME, FAILED, FAILED),
    (NONE, NONE, NONE),
    (NO_NAME, NONE, NONE),
    (NONE, NO_NAME, NONE),
    (NO_NAME, NO_NAME, NO_NAME),
]


@pytest.mark.parametrize(("first", "second", "merged"), MERGED)
def test_two_families(
    first: DnsAnswer[str], second: DnsAnswer[str], merged: DnsAnswer[str]
) -> None:
    assert merge_families(first, second) == merged


@pytest.mark.parametrize(
    ("name", "is_local"),
    [("localhost", True), ("LocalHost.", True), ("a.b.localhost", True), ("localhost.net", False),
     ("mylocalhost", False), ("", False)],
)  # fmt: skip
def test_names_of_this_machine(name: str, is_local: bool) -> None:
    assert bool(local_addresses(name)) == is_local


def test_records_are_read_otherwise() -> None:
    assert FOUR.each(len) == DnsAnswer("found", (9,), 300)
