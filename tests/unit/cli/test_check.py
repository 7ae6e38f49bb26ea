"""``gatepost check``: its output and exit codes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatepost.cli.check import check
from gatepost.cli.output import FAILED, OK

GOOD = """\
[[listener]]
unix = "/run/smtp"
[target.here]
kind = "capture"
[[route]]
to = "here"
"""


def run(tmp_path: Path, text: str, *options: str) -> tuple[int, str, str]:
    path = tmp_path / "g.toml"
    path.write_text(text)
    result = CliRunner().invoke(
        check, ["--config", str(path), *options], standalone_mode=False, catch_exceptions=False
    )
    return result.return_value, result.stdout, result.stderr


def test_every_value_is_a_line(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, GOOD)
    assert (code, err) == (OK, "")
    [line] = [each for each in out.splitlines() if each.startswith("listener[0].unix")]
    text, origin = line.split("# ")
    assert text.strip() == 'listener[0].unix = "/run/smtp"'
    assert origin == f"{tmp_path}/g.toml:2"


def test_every_mistake_is_a_line(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, GOOD.replace("capture", "captur") + "x = 1\n")
    assert (code, out) == (FAILED, "")
    first, second, last = err.splitlines()
    assert first.startswith(f"{tmp_path}/g.toml:4: target.here.kind must be ")
    assert first.endswith("not 'captur' (did you mean capture?)")
    assert second == f"{tmp_path}/g.toml:7: unknown key route[0].x"
    assert last == f"2 mistakes in {tmp_path}/g.toml."


def test_a_store_that_is_gone_is_a_warning(tmp_path: Path) -> None:
    text = f"[storage]\ndirectory = '{tmp_path}/data'\n{GOOD}"
    assert run(tmp_path, text)[2] == ""
    (tmp_path / "data/segments").mkdir(parents=True)
    (tmp_path / "data/segments/00000001").touch()
    code, _, err = run(tmp_path, text)
    assert code == OK
    assert err.startswith("Warning: storage.directory: store.db is missing from ")
    [warning] = json.loads(run(tmp_path, text, "--json")[1])["warnings"]
    assert warning["message"].endswith(
        "content files that are left: 1; a new store will be created"
    )


@pytest.mark.parametrize(("text", "valid"), [(GOOD, True), ("a = ", False), ("", False)])
def test_json_is_one_document(tmp_path: Path, text: str, valid: bool) -> None:
    code, out, err = run(tmp_path, text, "--json")
    document = json.loads(out)
    assert (code, err) == (OK if valid else FAILED, "")
    assert document["valid"] is valid
    assert bool(document["problems"]) is not valid
    assert bool(document["values"]) is valid
