"""Announced ends: notes before the date, and only about what the session used."""

from datetime import UTC, datetime

import pytest

from gatepost.diagnosis.rules.retirements import (
    basic_auth_disabled,
    note_endings,
    provider_retired,
)
from gatepost.model.evidence import Evidence, Fact, Resolution, Target
from tests.unit.diagnosis.cases import but, judged, tried

BEFORE = datetime(2026, 11, 1, tzinfo=UTC)
AFTER = datetime(2029, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("host", "mechanism", "when", "noted"),
    [
        ("smtp.azurecomm.net", "LOGIN", BEFORE, "on 2028-09-30: Microsoft ends Azure"),
        ("SMTP.azurecomm.net.", "XOAUTH2", BEFORE, "on 2028-09-30: Microsoft ends Azure"),
        ("smtp.azurecomm.net", "LOGIN", AFTER, ""),
        ("smtp.office365.com", "LOGIN", BEFORE, "on 2026-12-31: Exchange Online switches"),
        ("smtp.office365.com", "XOAUTH2", BEFORE, ""),
        ("smtp.hve.mx.microsoft", "LOGIN", BEFORE, "on 2028-09-30: High Volume Email"),
        ("myazurecomm.net", "LOGIN", BEFORE, ""),
        ("localhost", "LOGIN", BEFORE, ""),
    ],
)
def test_what_ends_is_noted_before(host: str, mechanism: str, when: datetime, noted: str) -> None:
    accepted = tried(judged(mechanism, "235 2.7.0 ok"))
    notes = list(note_endings(but(target=Target(host, 587), seen_at=when, auth=accepted)))
    assert [each.startswith(noted) for each in notes] == ([True] if noted else [])


REFUSED = tried(judged("LOGIN", "535 5.7.3 Authentication unsuccessful"))


def at(year: int, month: int, day: int, host: str = "smtp.azurecomm.net") -> Evidence:
    """Return a healthy session on this day."""
    return but(target=Target(host, 587), seen_at=datetime(year, month, day, tzinfo=UTC))


def test_a_service_has_ended_by_its_date_and_a_refusal() -> None:
    finding = provider_retired(but(at(2028, 10, 1), auth=REFUSED))
    assert finding is not None
    assert finding.confidence == "likely"
    assert "2028-09-30" in finding.proof[0]
    unresolved = Evidence(
        "probe", Target("smtp.azurecomm.net", 587), AFTER,
        resolution=Fact("seen", Resolution(error="no such name")),
    )  # fmt: skip
    assert provider_retired(unresolved) is not None


def test_neither_the_date_nor_a_refusal_alone_is_an_end() -> None:
    assert provider_retired(at(2028, 10, 1)) is None
    assert provider_retired(but(at(2028, 9, 30), auth=REFUSED)) is None
    assert provider_retired(but(at(2028, 10, 1, "smtp.gmail.com"), auth=REFUSED)) is None


def test_passwords_end_before_the_service() -> None:
    office = "smtp.office365.com"
    assert basic_auth_disabled(but(at(2026, 12, 31, office), auth=REFUSED)) is None
    finding = basic_auth_disabled(but(at(2027, 1, 1, office), auth=REFUSED))
    assert finding is not None
    assert finding.confidence == "possible"  # a wrong password is answered in the same way
    by_token = tried(judged("XOAUTH2", "535 5.7.3 Authentication unsuccessful"))
    assert basic_auth_disabled(but(at(2027, 1, 1, office), auth=by_token)) is None
    named = tried(
        judged("LOGIN", "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant")
    )
    assert basic_auth_disabled(but(at(2027, 1, 1, office), auth=named)) is None


def test_who_looks_for_a_fault_is_not_told_of_the_end() -> None:
    assert list(note_endings(at(2026, 1, 1))) != []
    assert list(note_endings(but(at(2026, 1, 1), auth=REFUSED))) == []
