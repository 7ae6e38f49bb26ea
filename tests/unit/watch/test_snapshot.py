"""Snapshots of a diagnosis."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from gatepost.app.watch_loop import first_after, next_after
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.errors import ConfigError
from gatepost.model.capabilities import Capabilities
from gatepost.model.evidence import (
    AuthAttempt,
    Connect,
    EhloExchange,
    Evidence,
    Target,
    TlsSeen,
    seen,
)
from gatepost.model.reply import Reply
from gatepost.watch.snapshot import MAX_SNAPSHOT, decode, encode, snapshot_of
from tests.unit.watch.looks import BEFORE, CERTIFICATE, NOW, now

OFFERED = Capabilities(
    "mail.example.com",
    MappingProxyType({"AUTH": ("LOGIN",), "SIZE": ("1000",), "DSN": (), "8BITMIME": ()}),
)
SEEN = Evidence(
    "probe",
    target=Target("mail.example.com", 587),
    seen_at=NOW,
    connects=seen((Connect("192.0.2.1", "ok"),)),
    tls=seen(TlsSeen("TLSv1.3", "x", CERTIFICATE, 2, verified=True)),
    over_tls=seen(EhloExchange("me", Reply(250, "mail.example.com"), OFFERED)),
)


def test_a_snapshot_of_a_diagnosis() -> None:
    snapshot = snapshot_of(diagnose_evidence(SEEN), 0.25)
    assert snapshot.over_tls is not None
    assert snapshot.over_tls.mechanisms == ("LOGIN",)
    assert snapshot.over_tls.extensions == ("8BITMIME", "DSN")
    assert snapshot.over_tls.size == 1000
    assert (snapshot.in_clear, snapshot.signed_in) == (None, None)
    assert snapshot.certificate == CERTIFICATE
    assert (snapshot.tls_version, snapshot.seconds) == ("TLSv1.3", 0.25)


def test_a_refused_password_differs_from_a_deferred_one() -> None:
    def attempt(reply: Reply) -> Evidence:
        tried = AuthAttempt("LOGIN", "bare", reply, tls=True, secret_sent=True, accepted=True)
        return replace(SEEN, auth=seen((tried,)))

    refused = snapshot_of(diagnose_evidence(attempt(Reply(535, "no"))), 0)
    later = snapshot_of(diagnose_evidence(attempt(Reply(454, "later"))), 0)
    assert (refused.signed_in, refused.login_refused) == (False, True)
    assert (later.signed_in, later.login_refused) == (False, False)


def test_it_comes_back_as_it_was_kept() -> None:
    for snapshot in (BEFORE, now(signed_in=True)):
        assert decode(encode(snapshot)) == snapshot
    assert decode(encode(now(tls_version="\udcff"))).tls_version == "?"  # no Unicode


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{}", b"[1]", b"\xff", encode(BEFORE)[:100], b"x" * (MAX_SNAPSHOT + 1),
        encode(BEFORE).replace(b'"schema": 1', b'"schema": 2'),
        encode(BEFORE).replace(b'"2026-11-23T10:15:00Z"', b'"2026-11-23T10:15:00"'),
    ],
)  # fmt: skip
def test_a_damaged_snapshot_is_an_error(text: bytes) -> None:
    with pytest.raises(ConfigError):
        decode(text)


def test_when_to_look_again() -> None:
    assert next_after(100, 0.1, 0.5) == 100
    assert (next_after(100, 0.1, 0), round(next_after(100, 0.1, 1))) == (90, 110)
    assert (next_after(100, 0, 0.9), first_after(100, 0, 0.9)) == (100, 0)
    assert first_after(timedelta(hours=1).total_seconds(), 1, 1) == 5
