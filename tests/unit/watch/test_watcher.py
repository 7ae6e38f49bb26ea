"""One upstream, watched with a doctor whose findings the test sets."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.client.named_secret import NamedSecret
from gatepost.config.watch_file import WatchConfig, WatchedServer
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.model.evidence import AuthAttempt, Certificate, Evidence, Resolution, seen
from gatepost.model.finding import Diagnosis
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.net.dial import Server
from gatepost.operator_log.sentences import format_event
from gatepost.watch.refused_password import RefusedPassword
from gatepost.watch.watcher import Watcher
from tests.unit.watch.looks import CERTIFICATE, DAY, NOW
from tests.unit.watch.test_snapshot import OFFERED, SEEN

UPSTREAM = WatchedServer("provider", Server("mail.example.com", 587), "auto", timedelta(minutes=15))
DOWN = Evidence("probe", SEEN.target, NOW, resolution=seen(Resolution(error="no such name")))


class Doctor:
    """Returns the given findings, one after the other; keeps the passwords."""

    def __init__(self, *evidence: Evidence | Exception) -> None:
        self._evidence = list(evidence)
        self.passwords: list[str | None] = []

    def __call__(self, _upstream: WatchedServer, password: Secret | None) -> Diagnosis:
        self.passwords.append(password.reveal() if password else None)
        found = self._evidence.pop(0)
        if isinstance(found, Exception):
            raise found
        return diagnose_evidence(found)


class Run:
    """A watcher, and its reports."""

    def __init__(self, home: Path, doctor: Doctor, upstream: WatchedServer = UPSTREAM) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        config = WatchConfig((upstream,), home, None, 0, 4, 100, 365 * DAY, timedelta(days=21))
        self.watcher = Watcher(upstream, config, self._report, doctor)
        self.watcher.remember()

    def _report(self, event: str, **facts: Any) -> None:
        self.told.append((event, facts))

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            asyncio.run(self.watcher.probe())

    def named(self, event: str) -> list[str]:
        return [format_event(name, facts) for name, facts in self.told if name == event]


def offering(*mechanisms: str) -> Evidence:
    hello = SEEN.over_tls.value
    assert hello is not None
    keywords = {**OFFERED.keywords, "AUTH": mechanisms}
    return replace(
        SEEN, over_tls=seen(replace(hello, capabilities=replace(OFFERED, keywords=keywords)))
    )


def test_changes_are_reported_across_a_restart(tmp_path: Path) -> None:
    first = Run(tmp_path, Doctor(offering("LOGIN", "CRAM-MD5")))
    first.look()
    assert first.named("changed") == []
    again = Run(tmp_path, Doctor(DOWN, offering("LOGIN"), offering("LOGIN")))
    again.look(3)
    sentences = again.named("changed")
    assert "is not reachable on 2026-11-24" in sentences[0]
    assert any("CRAM-MD5 disappeared from AUTH on" in each for each in sentences)
    assert any("reachable again" in each for each in sentences)
    before = len(sentences)
    assert again.watcher.status.changes == before
    assert again.watcher.status.probes == {"unreachable": 1, "healthy": 2}


def test_a_certificate_that_expires_soon_is_reported_once(tmp_path: Path) -> None:
    def ending(days: int) -> Evidence:
        certificate: Certificate = replace(CERTIFICATE, not_after=NOW + days * DAY)
        tls = SEEN.tls.value
        assert tls is not None
        return replace(SEEN, tls=seen(replace(tls, certificate=certificate)))

    run = Run(tmp_path, Doctor(ending(22), ending(20), ending(19), ending(90), ending(3)))
    run.look(5)
    assert run.named("upstream_certificate_expires") == [
        "provider: the certificate expires in 20 days",
        "provider: the certificate expires in 3 days",
    ]
    assert "certificate 30 days old, 22 left" in run.named("probed")[0]


def test_an_announced_end_is_reported_once(tmp_path: Path) -> None:
    azure = replace(UPSTREAM, server=Server("smtp.azurecomm.net", 587))
    run = Run(tmp_path, Doctor(SEEN, SEEN), azure)
    run.look(2)
    (sentence,) = run.named("upstream_ends")
    assert sentence.startswith("provider: on 2028-09-30, in 676 days: Microsoft ends Azure ")


def test_a_refused_password_is_not_sent_again_until_it_is_another(tmp_path: Path) -> None:
    tried = AuthAttempt(
        "LOGIN", "bare", Reply(535, "no"), tls=True, secret_sent=True, accepted=True
    )
    refused = replace(SEEN, auth=seen((tried,)))
    file = tmp_path / "password"
    file.write_text("old-secret")
    upstream = replace(UPSTREAM, username="me", password=NamedSecret("file", str(file)))
    doctor = Doctor(refused, SEEN, SEEN, SEEN, SEEN)
    run = Run(tmp_path / "kept", doctor, upstream)
    run.look(2)
    assert doctor.passwords == ["old-secret", None]
    assert len(run.named("login_rests")) == 1
    run = Run(tmp_path / "kept", doctor, upstream)  # the next process
    run.look()
    assert doctor.passwords.pop() is None
    last = run.watcher.status.last
    assert last is not None
    assert (last.verdict, last.signed_in) == ("finding", False)
    file.write_text("new-secret")
    run.look(2)
    assert doctor.passwords[2:] == ["new-secret", "new-secret"]
    assert "secret" not in repr(run.told)
    written = b"".join(path.read_bytes() for path in (tmp_path / "kept").rglob("*.json"))
    assert b"secret" not in written


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"until": 7}', b'{"until": "x", "salt": "z"}'])
def test_a_damaged_note_of_a_refusal_is_none(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "refused").write_bytes(damage)
    refused = RefusedPassword(tmp_path)
    refused.remember()
    assert not refused.matches(Secret("old-secret"))


@pytest.mark.parametrize("failure", [ValueError("of ours"), OSError("a thread's")])
def test_a_failed_probe_does_not_end_the_watch(tmp_path: Path, failure: Exception) -> None:
    run = Run(tmp_path, Doctor(failure, SEEN))
    run.look(2)
    assert len(run.named("probe_failed")) == 1
    assert run.watcher.status.probes == {"failed": 1, "healthy": 1}


def test_a_missing_secret_is_reported(tmp_path: Path) -> None:
    gone = NamedSecret("file", str(tmp_path / "gone"))
    run = Run(tmp_path, Doctor(), replace(UPSTREAM, username="me", password=gone))
    run.look()
    assert "cannot be read" in run.named("probe_failed")[0]


def test_a_directory_that_takes_nothing_does_not_end_the_watch(tmp_path: Path) -> None:
    (tmp_path / "provider").touch()
    run = Run(tmp_path / "other", Doctor(offering("LOGIN"), offering("PLAIN")))
    (tmp_path / "other").touch()
    run.look(2)
    assert len(run.named("snapshot_not_kept")) == 2
    assert any("LOGIN disappeared" in each for each in run.named("changed"))
