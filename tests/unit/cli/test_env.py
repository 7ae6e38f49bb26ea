"""``gatepost env``: the variables for a shell."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gatepost.cli.environment import export_lines
from gatepost.cli.main import main

ADMIN = {"client_id": "boss", "client_secret": "0wner's ~secret"}
READY: dict[str, Any] = {
    "env": {"AZURE_CLIENT_ID": "app", "AZURE_CLIENT_SECRET": "s3cret", "SENDER_ADDRESS": "a@b.c"},
    "admin": ADMIN,
}


def run(data: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["env", "--data", str(data), *arguments])
    return int(left.value.code or 0)


def write(data: Path, **changes: Any) -> None:
    (data / "ready.json").write_text(json.dumps(READY | changes))


def test_a_shell_takes_any_value() -> None:
    awkward = {"A": "plain", "B": 'it\'s $HOME `x` \\ "q"', "C": "two\nlines"}
    script = "\n".join(export_lines(awkward))
    shown = subprocess.run(
        ["bash", "-c", f"{script}\nprintf '%s|%s|%s' \"$A\" \"$B\" \"$C\""],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown == "|".join(awkward.values())


@pytest.mark.parametrize(
    ("arguments", "client"), [((), ("app", "s3cret")), (("--admin",), tuple(ADMIN.values()))]
)
def test_the_identity(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    client: tuple[str, str],
) -> None:
    write(tmp_path)
    assert run(tmp_path, *arguments, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["AZURE_CLIENT_ID"], told["AZURE_CLIENT_SECRET"]) == client
    assert told["SENDER_ADDRESS"] == "a@b.c"


def test_a_relay_of_serve_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ready.json").write_text('{"pid": 1, "listeners": []}')
    assert run(tmp_path) == 1
    assert "a relay of `gatepost serve`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "arguments", "says"),
    [
        (None, (), "no relay is up"),
        ({"env": {}, "tenant_id": "a-tenant"}, (), "--https off"),
        ({"env": {}, "tenant_id": None}, (), "has plain accounts"),
        ({"admin": None}, ("--admin",), "no administrator"),
    ],
)
def test_missing_values_are_errors(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any] | None,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    if changes is not None:
        write(tmp_path, **changes)
    assert run(tmp_path, *arguments) == 1
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""


@pytest.mark.parametrize("arguments", [(), ("--admin",)])
def test_a_secret_that_works_no_longer_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    admin = {"client_id": "boss", "client_secret": None}
    write(tmp_path, env={"AZURE_CLIENT_ID": "app"}, admin=admin)
    assert run(tmp_path, *arguments, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out).keys() == {"AZURE_CLIENT_ID"}
    assert "no AZURE_CLIENT_SECRET: the client secret was deleted or has expired" in said.err
    assert "no COMMUNICATION_SERVICES_CONNECTION_STRING: the resource was deleted" in said.err


def test_a_damaged_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ready.json").write_text("{")
    assert run(tmp_path) == 1
    assert "damaged" in capsys.readouterr().err
