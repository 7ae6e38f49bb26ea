"""``gatepost dkim``: keys, their files and their records."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gatepost.cli.dkim import dkim
from gatepost.dkim.records import find_fault, record_text
from gatepost.dkim.signing_keys import KeyAlgorithm
from gatepost.keys.dkim_keys import create_key
from tests.nameserver import nameserver


def run(*arguments: str) -> Result:
    return CliRunner().invoke(dkim, arguments, standalone_mode=False)


def document(*arguments: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return read


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_a_new_key_is_private_and_its_record_publishes_it(
    algorithm: KeyAlgorithm, tmp_path: Path
) -> None:
    made = document(
        "new", "Bücher.example", "--algorithm", algorithm, "--selector", "One",
        "--data", str(tmp_path / "new"),
    )  # fmt: skip
    file = Path(made["file"])
    assert file == tmp_path / "new/dkim/xn--bcher-kva.example/one.pem"
    if sys.platform != "win32":
        assert [each.stat().st_mode & 0o777 for each in (file, file.parent)] == [0o600, 0o700]
    assert made["name"] == "one._domainkey.xn--bcher-kva.example"
    [listed] = document("list", "--data", str(tmp_path / "new"))["keys"]
    assert listed == made


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    arguments = "new", "a.example", "--algorithm", "ed25519", "--data", str(tmp_path)
    assert run(*arguments).exception is None
    assert "there is already a key" in str(run(*arguments).exception)


@pytest.mark.parametrize("names", [["../x"], ["a.example", "--selector", "../x"], [""]])
def test_names_are_those_of_the_dns(names: list[str], tmp_path: Path) -> None:
    assert "must be a" in str(run("new", *names, "--data", str(tmp_path)).exception)
    assert not list(tmp_path.iterdir())


def test_a_damaged_key_does_not_hide_others(tmp_path: Path) -> None:
    create_key(tmp_path, "a.example", "one", "ed25519")
    create_key(tmp_path, "a.example", "two", "ed25519").path.write_text("hello")
    result = run("list", "--data", str(tmp_path))
    assert result.return_value == 1
    assert "no private key" in result.stdout
    assert run("show", "a.example", "one", "--data", str(tmp_path)).return_value == 0


def test_a_record_is_compared_with_the_key(tmp_path: Path) -> None:
    one = create_key(tmp_path, "a.example", "one", "ed25519").key
    two = create_key(tmp_path, "a.example", "two", "ed25519").key
    assert one is not None
    assert two is not None
    assert find_fault([record_text(one)], two) == "it has another key"
    zone = "".join([f"{each.name} TXT {record_text(one)}\n" for each in (one, two)])
    with nameserver(zone) as (server, _):
        place = f"{server.host}:{server.port}"
        keys = document("show", "a.example", "--nameserver", place, "--data", str(tmp_path))["keys"]
        assert [each["dns"] for each in keys] == ["published", "it has another key"]
        assert run("list", "--nameserver", place, "--data", str(tmp_path)).return_value == 1


def test_a_domain_without_a_key_is_said(tmp_path: Path) -> None:
    assert "b.example has no key" in str(
        run("show", "b.example", "--data", str(tmp_path)).exception
    )
    assert "there is no key" in run("list", "--data", str(tmp_path)).stdout
