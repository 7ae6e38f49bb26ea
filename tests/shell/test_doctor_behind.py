"""``gatepost doctor`` behind the 535 of ``gatepost up``: over sockets, TLS and the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.emulated_acs import token_of
from gatepost.cli.main import main
from gatepost.testing import Emulator
from tests.commands import doctor

NOBODY = "00000000-1111-2222-3333-444444444444"


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator(options=("--https", "127.0.0.1:0", "--http", "off")) as it:
        yield it


@pytest.fixture(autouse=True)
def environment(relay: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `gatepost env` prints, as far as the doctor reads it."""
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", relay.ready["authority"])
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)


def secret_in(path: Path, secret: str) -> str:
    path.write_text(f"{secret}\n")
    return str(path)


def visit(relay: Emulator, username: str, *arguments: str) -> tuple[str, ...]:
    return (
        f"localhost:{relay.smtp.port}", "--ca-file", relay.ca_file, "--username", username,
        *arguments,
    )  # fmt: skip


def parts(relay: Emulator) -> tuple[str, str, str]:
    resource, application, tenant = relay.username.split(".")
    return resource, application, tenant


def test_each_part_of_the_login_has_its_own_finding(
    relay: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resource, application, tenant = parts(relay)
    good, bad = secret_in(tmp_path / "good", relay.password), secret_in(tmp_path / "bad", "n0~t")
    logins = {
        f"{resource}.{application}.{NOBODY}": (good, "tenant_unknown"),
        f"{resource}|{NOBODY}|{tenant}": (good, "application_unknown"),
        f"{resource}.{application}.{tenant}": (bad, "oauth_client_auth_failed"),
        f"no-{resource}.{application}.{tenant}": (good, "resource_unknown"),
        f"{resource}.{tenant}.{application}": (good, "username_format"),
    }
    for username, (secret, wanted) in logins.items():
        assert doctor(*visit(relay, username, "--password-file", secret, "--json")) == 2
        shown = capsys.readouterr().out
        assert relay.password not in shown
        document = json.loads(shown)
        assert document["findings"][0]["id"] == wanted


def test_a_secret_of_this_relay_goes_to_its_own_authority_or_to_none(
    relay: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The file beside its certificate names that authority."""
    monkeypatch.delenv("AZURE_AUTHORITY_HOST")
    bad = secret_in(tmp_path / "bad", "n0~t")
    assert doctor(*visit(relay, relay.username, "--password-file", bad)) == 2
    assert "AADSTS7000215" in capsys.readouterr().out
    alone = tmp_path / "ca.pem"
    alone.write_bytes(Path(relay.ca_file).read_bytes())
    login = ("--username", relay.username, "--password-file", bad)
    assert doctor(f"localhost:{relay.smtp.port}", "--ca-file", str(alone), *login) == 2
    assert "no authority is named" in " ".join(capsys.readouterr().out.split())


def test_a_role_that_was_taken_away(
    relay: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = secret_in(tmp_path / "good", relay.password)
    admin = token_of(relay.ready, relay.ready["admin"], "https://management.azure.com/.default")
    arm = secret_in(tmp_path / "arm", admin)
    save = str(tmp_path / "seen.json")
    role = ("role", "unassign", "Email Sender", "--from", relay.ready["client_id"])
    with pytest.raises(SystemExit) as ended:
        main([*role, "--data", relay.ready["data"]])
    assert ended.value.code == 0
    capsys.readouterr()
    try:
        login = visit(relay, relay.username, "--password-file", good)
        assert doctor(*login, "--arm-token-file", arm, "--save", save) == 2
        shown = capsys.readouterr().out
        assert "Cause: role_missing (certain)" in shown
        assert f"[?name=='{relay.ready['resource']}'].id" in shown
        assert max(map(len, shown.splitlines())) <= 80
        assert doctor("--evidence", save) == 2
        assert capsys.readouterr().out == shown
        assert doctor(*login, "--json") == 2
        document = json.loads(capsys.readouterr().out)
        assert [each["id"] for each in document["findings"]] == ["role_missing"]
        assert document["findings"][0]["confidence"] == "likely"
    finally:
        with pytest.raises(SystemExit):
            main([
                "role", "assign", "Email Sender", "--to", relay.ready["client_id"],
                "--on", relay.ready["resource"], "--data", relay.ready["data"],
            ])  # fmt: skip
    text = "".join(Path(each).read_text() for each in (save,))
    assert relay.password not in text
    assert admin.rpartition(".")[2] not in text


def test_a_token_signs_in_or_has_a_finding(
    relay: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = token_of(relay.ready, relay.ready, "https://communication.azure.com/.default")
    wrong = token_of(relay.ready, relay.ready, "https://graph.microsoft.com/.default")
    files = [secret_in(tmp_path / name, token) for name, token in (("r", right), ("w", wrong))]
    assert doctor(*visit(relay, relay.username, "--token-file", files[0])) == 0
    assert doctor(*visit(relay, relay.username, "--token-file", files[1], "--json")) == 2
    capsys.readouterr()
    assert doctor("--token-file", files[0]) == 0
    shown = capsys.readouterr().out
    assert relay.ready["client_id"] in shown.replace("\n    ", "")
    assert right.rpartition(".")[2] not in shown
    assert doctor("--token-file", files[1], "--json") == 2
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in document["findings"]] == ["oauth_scope_wrong"]
    assert document["evidence"]["token"]["value"]["application_id"] == relay.ready["client_id"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--token-file", __file__, "--password-file", __file__, "--username", "me", "localhost:1"),
        ("--token-file", __file__, "localhost:1"),
        ("--token-file", __file__, "--log", __file__),
        ("localhost:1", "--username", "me", "--password-file", __file__, "--authority", "http://x"),
        ("smtp://me:s3cr3t~pass@localhost:587",),
        ("me:s3cr3t~pass@localhost",),
    ],
)
def test_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(*arguments) == 64
    shown = capsys.readouterr()
    assert "s3cr3t~pass" not in shown.err + shown.out
