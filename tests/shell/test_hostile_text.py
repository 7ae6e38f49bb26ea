"""Nothing that a server, a file or a client says controls the terminal or changes what is read."""

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tests import fork_server

HOSTILE = "\x1b[2J\x9b31m\x7f\x85\u061c\u200e\u202e\u2066\u2028\u2029\ufeff\u200b"
LOG = f"S: 220 mail.example ESMTP\nC: EHLO a{HOSTILE}b\nS: 550 5.7.1 no{HOSTILE} relaying\n"
CONFIG = f'hostname = "a{HOSTILE[2:4]}b"\n"odd{HOSTILE[6:]}key" = 1\n'.replace("\x85", "")


def run(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return fork_server.run(
        [sys.executable, "-m", "gatepost.cli.main", *arguments],
        cwd=directory, capture_output=True, text=True, timeout=120, check=False, encoding="utf-8",
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor", "--log", "log"),
        ("doctor", "--log", "log", "--markdown"),
        ("doctor", "--log", "log", "--json"),
        ("doctor", "--log", f"no{HOSTILE}file"),
        ("check", "--config", "gatepost.toml"),
        ("check", "--config", "gatepost.toml", "--json"),
        ("messages", "list", "--data", f"no{HOSTILE}directory"),
        ("up", "--profile", f"a{HOSTILE}"),
        (f"no{HOSTILE}command",),
        (f"no{HOSTILE}command", "--json"),
    ],
)
def test_a_command_prints_nothing_unprintable(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "log").write_text(LOG)
    (tmp_path / "gatepost.toml").write_text(CONFIG)
    done = run(tmp_path, *arguments)
    written = (done.stdout + done.stderr).replace("\n", "")
    assert written
    assert not {unicodedata.category(each) for each in written} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    if "--json" in arguments:
        assert json.loads(done.stdout)


def test_saved_evidence_is_printable_and_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LOG)
    run(tmp_path, "doctor", "--log", "log", "--save", "saved.json")
    saved = (tmp_path / "saved.json").read_text()
    assert not {unicodedata.category(each) for each in saved.replace("\n", "")} & {"Cc", "Cf", "Zl"}
    assert json.loads(saved)
