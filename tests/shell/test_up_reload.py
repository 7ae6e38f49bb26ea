"""SIGHUP to ``gatepost up``: it reads its profile again, and renews what it stands on."""

import json
import os
import signal
import ssl
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import Emulator
from tests.commands import ask
from tests.loopback import eventually
from tests.shell.peer import Peer, letter
from tests.shell.processes import children
from tests.shell.test_email_http import ask as send
from tests.shell.test_email_http import document

ACS = 'extends = "acs"\n'
GMAIL = 'extends = "gmail"\n'
FREE = ("--https", "localhost:0", "--http", "127.0.0.1:0")
PATIENCE = 60.0


class Reloading:
    """A relay whose profile is a file."""

    def __init__(self, relay: Emulator, profile: Path) -> None:
        self.relay, self.profile = relay, profile

    def reload(self, profile: str = "", event: str = "reloaded") -> dict[str, Any]:
        """Write another profile, if given, and send SIGHUP; return the event that follows."""
        if profile:
            self.profile.write_text(profile)
        number, deadline = len(self.relay.events(event)), time.monotonic() + PATIENCE
        os.kill(self.relay.pid, signal.SIGHUP)
        while len(events := self.relay.events(event)) <= number:
            assert time.monotonic() < deadline, self.relay.events()[-3:]
            time.sleep(0.02)
        return events[-1]

    def document(self) -> dict[str, Any]:
        """Return the ready.json that is there now."""
        document: dict[str, Any] = json.loads((self.relay.data / "ready.json").read_text())
        return document

    def greeted(self) -> Peer:
        """Return a client that has sent EHLO."""
        return Peer.connect(self.relay.smtp.port, self.relay.ca_file).greet()

    def signed_in(self) -> Peer:
        """Return a client that has signed in with what ready.json says."""
        peer, ready = self.greeted().secure(), self.document()
        assert peer.login(ready["username"], ready["password"]).startswith("235 ")
        return peer


@contextmanager
def reloading(tmp_path: Path, profile: str = ACS, **more: Any) -> Iterator[Reloading]:
    file = tmp_path / "mine.toml"
    file.write_text(profile)
    data = tmp_path / "data"
    with Emulator(str(file), data=data, options=FREE, **more) as relay:
        yield Reloading(relay, file)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Reloading]:
    with reloading(tmp_path) as up:
        yield up


def health(url: str, ca_file: str) -> str:
    """Return the certificate that an API serves, after a request to it."""
    context = ssl.create_default_context(cafile=ca_file)
    with urllib.request.urlopen(f"{url}/health", context=context, timeout=PATIENCE) as answer:
        assert answer.status == 200
    host, _, port = url.removeprefix("https://").partition(":")
    return ssl.get_server_certificate((host, int(port)))


@pytest.mark.parametrize("workers", [0, 1])
def test_another_profile_is_for_new_connections(tmp_path: Path, workers: int) -> None:
    with reloading(tmp_path, workers=workers) as up, up.signed_in() as before:
        event = up.reload(ACS + 'greeting = "another one"\n[limits]\nmessage_size = 2000\n')
        assert event["config"] == str(up.profile)
        eventually(lambda: len(up.relay.events("ready")) == 2)  # settings are told again
        with Peer.connect(up.relay.smtp.port, up.relay.ca_file) as peer:
            assert peer.reply() == "220 another one"
        content = letter(up.relay.sender, (b"x" * 98 + b"\r\n") * 40)
        with up.signed_in() as after:
            assert after.deliver(up.relay.sender, content).startswith("552 ")
        assert before.deliver(up.relay.sender, content).startswith("250 "), "it goes on"
        assert up.relay.count() == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_another_provider_signs_in_by_its_own_directory(tmp_path: Path, workers: int) -> None:
    with reloading(tmp_path, workers=workers) as up:
        first = up.document()
        up.reload(GMAIL)
        second = up.document()
        assert second["username"] != first["username"]
        assert second["tenant_id"] is None
        assert second["access_token"]
        with up.greeted().secure() as peer:
            assert peer.login(first["username"], first["password"]).startswith("535")
        with up.signed_in() as peer:
            assert peer.deliver(second["from"], letter(second["from"])).startswith("250 ")
        up.reload(ACS)
        assert up.document() == first
        with up.signed_in() as peer:
            assert peer.deliver(first["from"], letter(first["from"])).startswith("250 ")


def test_a_profile_with_mistakes_changes_nothing(up: Reloading) -> None:
    before = up.document()
    reason = up.reload(ACS + "greting = 'hello'\n", "reload_refused")["reason"]
    assert "greting" in reason
    up.profile.unlink()
    assert "cannot read the profile" in up.reload(event="reload_refused")["reason"]
    reason = up.reload(ACS + "[events]\nattempts = 3\n", "reload_refused")["reason"]
    assert reason == "events of the profile cannot change without a restart"
    with up.signed_in() as peer:
        assert peer.deliver(before["from"], letter(before["from"])).startswith("250 ")
    assert up.document() == before
    assert len(up.relay.events("ready")) == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_strict_limits_change_and_counts_stay(tmp_path: Path, workers: int) -> None:
    with reloading(tmp_path, workers=workers, strict=True) as up:
        sender = up.relay.sender
        with up.signed_in() as peer:
            assert peer.deliver(sender, letter(sender)).startswith("250 ")
            up.reload(ACS + "[strict]\nmanaged_per_minute = 1\n")
        with up.signed_in() as peer:
            assert peer.deliver(sender, letter(sender)).startswith("450 ")
            up.reload(ACS + "[strict]\nmanaged_per_minute = 3\n")
            assert peer.deliver(sender, letter(sender)).startswith("250 ")


@pytest.mark.parametrize("workers", [0, 1])
def test_certificates_are_renewed(tmp_path: Path, workers: int) -> None:
    with reloading(tmp_path, workers=workers) as up:
        relay, url = up.relay, up.relay.ready["https"]["url"]

        def served() -> tuple[str, bytes | None]:
            with Peer.connect(relay.smtps.port, relay.ca_file) as peer:
                peer.shake()
                assert isinstance(peer.sock, ssl.SSLSocket)
                return health(url, relay.ca_file), peer.sock.getpeercert(binary_form=True)

        authority, before = Path(relay.ca_file).read_bytes(), served()
        fronts = children(relay.pid)
        up.reload()
        assert served() == before, "they are valid for long"
        assert children(relay.pid) == fronts, "nothing has changed for them"
        (relay.data / "tls" / "server.pem").unlink()
        up.reload()
        after = served()
        assert after[0] != before[0]
        assert after[1] != before[1]
        assert Path(relay.ca_file).read_bytes() == authority


def test_a_faulty_certificate_stays_faulty(tmp_path: Path) -> None:
    with reloading(tmp_path, 'extends = "acs"\n[server]\ncertificate = "expired"\n') as up:
        for _ in range(2):
            with up.greeted() as peer, pytest.raises(ssl.SSLCertVerificationError, match="expired"):
                peer.start_tls()
            up.reload()
        up.reload(ACS)
        with up.greeted().secure() as peer:
            assert peer.ask("NOOP").startswith("250 ")


def test_a_secret_that_was_deleted_is_no_longer_in_ready_json(up: Reloading) -> None:
    ready = up.document()
    listed = ask(up.relay.data, "secret", "list", "--in", ready["client_id"], "--json")
    [secret] = [each["id"] for each in json.loads(listed)["secrets"]]
    ask(up.relay.data, "secret", "delete", secret)
    assert up.document()["password"] == ready["password"]
    up.reload()
    assert up.document()["password"] is None
    assert "AZURE_CLIENT_SECRET" not in up.document()["env"]


def test_the_apis_follow_the_profile(up: Reloading) -> None:
    key = up.document()["connection_string"].partition("accesskey=")[2]
    assert send(up.relay, key, document(up.relay))[0] == 202
    up.reload(ACS + "[api]\nrequest_size = 10\n")
    assert send(up.relay, key, document(up.relay))[0] == 413
    assert up.document()["connection_string"].partition("accesskey=")[2] == key
