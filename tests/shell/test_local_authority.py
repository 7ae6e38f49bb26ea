"""``.gatepost/ca.pem`` is trusted for the servers on this machine that it belongs to."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.net.dial import Server
from gatepost.net.local_authority import find_local_authority, is_on_loopback
from tests import fork_server
from tests.certificates import Authority, make_authority
from tests.commands import GATEPOST, PATIENCE, doctor
from tests.shell.scripted_server import Script, serving
from tests.shell.scripted_server import Server as ScriptedServer


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("other"))


@pytest.fixture
def server(own: Authority) -> Iterator[ScriptedServer]:
    script = Script(
        in_clear=("STARTTLS",), over_tls=("AUTH LOGIN",), pair=own.issue("127.0.0.1", "localhost")
    )
    with serving(script) as it:
        yield it


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a local server, in the current one."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / ".gatepost"
    made.mkdir(0o700)
    return made


def publish(authority: Authority, directory: Path) -> None:
    shutil.copy(authority.ca_file, directory / "ca.pem")
    (directory / "ca.pem").chmod(0o644)


def test_the_doctor_trusts_it(
    server: ScriptedServer, own: Authority, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(server.address) == 2
    assert "Trusted" not in capsys.readouterr().err
    publish(own, directory)
    assert doctor(server.address, "--json") == 0
    told = capsys.readouterr()
    assert told.err == "Trusted .gatepost/ca.pem, the authority of this local server.\n"
    assert json.loads(told.out)["evidence"]["tls"]["value"]["trust"] == ".gatepost/ca.pem"


def test_that_of_another_server_hides_nothing(
    server: ScriptedServer, other: Authority, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(server.address, "--json") == 2
    without = json.loads(capsys.readouterr().out)
    publish(other, directory)
    assert doctor(server.address, "--json") == 2
    told = capsys.readouterr()
    assert "Trusted" not in told.err
    document = json.loads(told.out)
    assert document["findings"][0]["id"] == "cert_untrusted"
    assert document["findings"] == without["findings"]


def test_a_ca_file_that_is_given_comes_alone(
    server: ScriptedServer, own: Authority, other: Authority, directory: Path
) -> None:
    publish(own, directory)
    assert doctor(server.address, "--ca-file", other.ca_file) == 2


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\n?"])
def test_a_damaged_file_adds_nothing(
    content: str, server: ScriptedServer, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "ca.pem").write_text(content)
    assert doctor(server.address) == 2
    assert "Trusted" not in capsys.readouterr().err


def run(directory: Path, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return fork_server.run(
        [GATEPOST, *arguments], check=False, cwd=directory.parent, input=given,
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip


def test_talk_and_send_trust_it(server: ScriptedServer, own: Authority, directory: Path) -> None:
    message = ("--from", "a@example.com", "--to", "b@example.net", "--text", "hi")
    typed = "EHLO me\nSTARTTLS\nQUIT\n"
    assert run(directory, "talk", server.address, given=typed).returncode == 1
    assert "certificate" in run(directory, "send", "--server", server.address, *message).stderr
    publish(own, directory)
    talked = run(directory, "talk", server.address, given=typed)
    assert talked.returncode == 0
    assert "certificate verified by .gatepost/ca.pem" in talked.stdout
    sent = run(directory, "send", "--server", server.address, *message)
    assert "Trusted .gatepost/ca.pem" in sent.stderr


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("LOCALHOST", True), ("127.0.0.1", True), ("127.8.9.1", True),
        ("::1", True), ("::ffff:127.0.0.1", True), ("192.0.2.1", False), ("::", False),
        ("mail.example.com", False), ("localhost.example.com", False), ("0.0.0.0", False),
    ],
)  # fmt: skip
def test_only_loopback_is_local(host: str, expected: bool) -> None:
    assert is_on_loopback(Server(host, 587)) is expected


def test_what_others_may_change_is_not_trusted(own: Authority, directory: Path) -> None:
    local = Server("127.0.0.1", 587)
    publish(own, directory)
    assert find_local_authority(local, directory) == str(directory / "ca.pem")
    assert find_local_authority(Server("192.0.2.1", 587), directory) is None
    (directory / "ca.pem").chmod(0o666)
    assert find_local_authority(local, directory) is None
    (directory / "ca.pem").chmod(0o644)
    directory.chmod(0o777)
    assert find_local_authority(local, directory) is None
