"""Certificate files: read once, reloaded after a change, and kept if the new ones are wrong."""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatepost.certificates.reloaded_files import CertificateFiles, PassedCertificate
from gatepost.errors import TlsError
from gatepost.relay.listener_state import ServerCertificate
from tests.certificates import Authority, make_authority


class Bench:
    """Two files, and their followers."""

    def __init__(self, directory: Path) -> None:
        self.authority: Authority = make_authority(directory)
        self.chain, self.key = directory / "chain.pem", directory / "key.pem"
        self.files = str(self.chain), str(self.key)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.taken: list[ServerCertificate] = []
        self.ahead = timedelta()
        self.put()
        self.certificates = CertificateFiles(self.report, lambda: datetime.now(UTC) + self.ahead)

    def report(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))

    def put(self, *, since: datetime | None = None, until: datetime | None = None) -> None:
        pair = self.authority.issue("localhost", valid_since=since, valid_until=until)
        Path(pair.certificate).replace(self.chain)
        Path(pair.key).replace(self.key)

    def told(self) -> list[str]:
        return [event for event, _ in self.events if event != "certificate_expires"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_certificate_is_read_once_and_shared(bench: Bench) -> None:
    first = bench.certificates.load(bench.files)
    assert bench.certificates.load(bench.files) is first
    assert first.bindings, "SCRAM-PLUS is bound to it"


def test_a_follower_gets_the_certificate_now_and_after_each_change(bench: Bench) -> None:
    bench.certificates.follow(bench.files, bench.taken.append)
    assert bench.certificates.try_reload()
    assert len(bench.taken) == 1
    bench.put()
    bench.certificates.check(bench.files)
    assert len(bench.taken) == 1, "it is not taken yet"
    assert bench.certificates.try_reload()
    assert len(bench.taken) == 2
    assert bench.taken[1].bindings != bench.taken[0].bindings
    assert bench.certificates.load(bench.files) is bench.taken[1]
    assert bench.told() == ["certificate_reloaded"]


@pytest.mark.parametrize("trouble", ["no key", "another key", "gone", "expired"])
def test_an_unusable_certificate_is_reported_once_and_the_old_one_stays(
    bench: Bench, trouble: str
) -> None:
    bench.certificates.follow(bench.files, bench.taken.append)
    if trouble == "no key":
        bench.key.write_text("nonsense")
    elif trouble == "another key":
        Path(bench.authority.issue("localhost").key).replace(bench.key)
    elif trouble == "gone":
        bench.chain.unlink()
    else:
        bench.put(until=datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(TlsError, match=r"chain\.pem"):
        bench.certificates.check(bench.files)
    assert not bench.certificates.try_reload()
    assert bench.certificates.try_reload(), "it has not changed since"
    assert not bench.certificates.try_reload(again=True), "but who asks is told again"
    assert bench.told() == ["certificate_kept"] * 2
    assert len(bench.taken) == 1
    bench.put()
    assert bench.certificates.try_reload()
    assert bench.told()[-1] == "certificate_reloaded"
    assert len(bench.taken) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="needs files in memory")
def test_another_process_begins_with_what_is_served(bench: Bench) -> None:
    good = bench.certificates.load(bench.files).bindings
    bench.key.write_text("half")
    assert not bench.certificates.try_reload()
    exported = msgspec.json.encode(bench.certificates.export())
    assert "PRIVATE" not in repr(bench.certificates.export())
    other = CertificateFiles(bench.report)
    other.begin_with(msgspec.json.decode(exported, type=tuple[PassedCertificate, ...]))
    other.follow(bench.files, bench.taken.append)
    assert bench.taken[0].bindings == good
    assert not other.try_reload(), "the files are no better"
    bench.put()
    assert other.try_reload()
    assert bench.taken[1].bindings != good


def test_unusable_given_contents_are_read_from_the_files(bench: Bench) -> None:
    bench.certificates.load(bench.files)
    [exported] = bench.certificates.export()
    other = CertificateFiles(bench.report)
    other.begin_with([replace(exported, contents=(b"half", b""))])
    assert other.load(bench.files).bindings == bench.certificates.load(bench.files).bindings


def test_one_that_is_not_good_yet_is_taken_when_it_is(bench: Bench) -> None:
    """Clients would refuse it, and accept the old one."""
    bench.certificates.follow(bench.files, bench.taken.append)
    hour, now = timedelta(hours=1), datetime.now(UTC)
    bench.put(since=now + hour, until=now + 2 * hour)
    with pytest.raises(TlsError, match="it is not valid before"):
        bench.certificates.check(bench.files)
    assert not bench.certificates.try_reload()
    assert bench.certificates.try_reload(), "told once"
    bench.ahead = hour
    assert bench.certificates.try_reload()
    assert bench.told() == ["certificate_kept", "certificate_reloaded"]
    assert len(bench.taken) == 2


def test_a_form_that_openssl_alone_takes_does_not_end_the_watch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.certificates.reloaded_files.LOOK", 0.005)

    async def told(event: str) -> None:
        for _ in range(1000):
            if event in bench.told():
                return
            await asyncio.sleep(0.005)
        pytest.fail(f"{event} was not told")

    async def main() -> None:
        bench.certificates.follow(bench.files, bench.taken.append)
        bench.certificates.watch()
        text = bench.chain.read_text()
        bench.chain.write_text(text.replace(" CERTIFICATE", " TRUSTED CERTIFICATE"))
        await told("certificate_kept")
        bench.put()
        await told("certificate_reloaded")
        bench.certificates.close()

    asyncio.run(main())
    assert len(bench.taken) == 2


def test_one_that_cannot_be_used_at_the_start_is_an_error(bench: Bench) -> None:
    bench.key.write_text("nonsense")
    with pytest.raises(TlsError, match=r"chain\.pem"):
        bench.certificates.load(bench.files)
    with pytest.raises(TlsError, match="nowhere"):
        bench.certificates.load(("nowhere.pem", None))


def test_one_that_has_expired_is_served_at_the_start_and_told(bench: Bench) -> None:
    bench.put(until=datetime.now(UTC) - timedelta(hours=1))
    assert bench.certificates.load(bench.files).bindings
    assert [event for event, _ in bench.events] == ["certificate_expires"]


def test_certificates_of_removed_listeners_are_not_followed(bench: Bench) -> None:
    bench.certificates.follow(bench.files, bench.taken.append)
    bench.certificates.keep_only([bench.files])
    bench.put()
    bench.certificates.try_reload()
    assert len(bench.taken) == 1
    bench.certificates.keep_only([])
    bench.put()
    assert bench.certificates.try_reload()
    assert len(bench.told()) == 1
