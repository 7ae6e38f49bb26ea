"""The differences of two snapshots, in sentences."""

from dataclasses import replace

import pytest

from gatepost.watch.differences import complete_snapshot, days_left, days_old, differences
from gatepost.watch.snapshot import ServerOffer, ServerSnapshot, keeping_login
from tests.unit.watch.looks import (
    BEFORE,
    CERTIFICATE,
    CLEAR,
    DAY,
    EXPIRED,
    NOW,
    OVER_TLS,
    now,
    unreachable,
)

ON = "on 2026-11-24 10:15 UTC"
NO_CRAM = replace(OVER_TLS, mechanisms=("LOGIN", "PLAIN"))
CHANGED = f"the certificate changed {ON}: valid until 2027-02-22, the previous one until 2027-01-23"
RENEWED = replace(CERTIFICATE, not_before=NOW, not_after=NOW + 90 * DAY)


@pytest.mark.parametrize(
    ("today", "sentences"),
    [
        (now(), []),
        (now(over_tls=NO_CRAM), [f"CRAM-MD5 disappeared from AUTH {ON} (over TLS)"]),
        (
            now(over_tls=replace(OVER_TLS, mechanisms=("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"))),
            [f"XOAUTH2 appeared in AUTH {ON} (over TLS)"],
        ),
        (
            now(in_clear=replace(CLEAR, extensions=("STARTTLS", "SMTPUTF8"))),
            [
                f"PIPELINING disappeared from EHLO {ON} (in clear)",
                f"SMTPUTF8 appeared in EHLO {ON} (in clear)",
            ],
        ),
        (
            now(over_tls=replace(OVER_TLS, size=None)),
            [f"SIZE changed from 1000 to none {ON} (over TLS)"],
        ),
        (now(tls_version="TLSv1.2"), [f"TLS changed from TLSv1.3 to TLSv1.2 {ON}"]),
        (
            now(certificate=RENEWED),
            [CHANGED],
        ),
        (
            now(certificate=replace(CERTIFICATE, issuer="CN=Another CA", names=("a.example.com",))),
            [
                f"the certificate's issuer changed from CN=Example CA 1 to CN=Another CA {ON}",
                "the certificate's names changed from mail.example.com to a.example.com " + ON,
            ],
        ),
        (
            now(findings=(EXPIRED,), verdict="finding"),
            [f"finding cert_expired appeared {ON}: The server's certificate has expired."],
        ),
        (now(signed_in=True), []),
    ],
)
def test_sentences(today: ServerSnapshot, sentences: list[str]) -> None:
    assert [each.sentence for each in differences(BEFORE, today)] == sentences


def test_a_finding_that_is_gone() -> None:
    before = replace(BEFORE, findings=(EXPIRED,), verdict="finding")
    [gone] = differences(before, now())
    assert gone.sentence == f"finding cert_expired disappeared {ON}"


def test_a_server_that_is_down_has_dropped_nothing() -> None:
    before = replace(BEFORE, findings=(EXPIRED,))
    what = [each.what for each in differences(before, unreachable())]
    assert what == ["unreachable", "finding_appeared"]


def test_a_server_that_is_back_is_compared_with_what_it_was_before() -> None:
    down = replace(unreachable(), taken_at=NOW - DAY / 2)
    known = complete_snapshot((down, BEFORE))
    assert known is not None
    said = [each.sentence for each in differences(known, now(over_tls=NO_CRAM))]
    assert said[0].startswith(f"mail.example.com:587 is reachable again {ON} (at the last check")
    assert said[1] == f"finding port_blocked disappeared {ON}"
    assert said[2:] == [f"CRAM-MD5 disappeared from AUTH {ON} (over TLS)"]


def test_the_login() -> None:
    taken, refused = replace(BEFORE, signed_in=True), now(signed_in=False)
    assert [each.what for each in differences(taken, refused)] == ["login"]
    back = replace(now(), signed_in=True)
    assert "accepted again" in differences(replace(BEFORE, signed_in=False), back)[0].sentence


def test_a_login_that_is_not_tried_is_not_mended() -> None:
    refused = replace(EXPIRED, id="bad_credentials", position="auth")
    before = replace(BEFORE, findings=(refused, EXPIRED), verdict="finding", signed_in=False)
    rested = keeping_login(now(), before)
    assert [each.id for each in rested.findings] == ["bad_credentials"]
    assert (rested.verdict, rested.signed_in) == ("finding", False)
    assert [each.subject for each in differences(before, rested)] == ["cert_expired"]


def test_days() -> None:
    assert (days_left(CERTIFICATE, NOW), days_old(CERTIFICATE, NOW)) == (60, 30)
    assert days_left(CERTIFICATE, NOW + 60 * DAY + DAY / 2) == -1
    assert complete_snapshot(()) is None
    assert differences(BEFORE, replace(BEFORE, over_tls=ServerOffer())) != ()
