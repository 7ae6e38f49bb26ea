"""``gatepost doctor --clipboard``, with programs that stand for the tools of a desktop."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.cli import clipboard
from tests.commands import doctor

REFUSED = "504 5.7.4 Unrecognized authentication type"

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that puts a program on an otherwise empty PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setenv("DISPLAY", ":0")

    def put(name: str, script: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return put


def test_every_tool_is_called_as_its_manual_says(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = {
        "wl-paste": "--no-newline --type text",
        "xclip": "-selection clipboard -out",
        "xsel": "--clipboard --output",
        "pbpaste": "",
        "termux-clipboard-get": "",
    }
    assert set(calls) < {each.program for each in clipboard.TOOLS}
    for tool, arguments in reversed(calls.items()):  # the earlier ones come first
        install(tool, f'test "$*" = "{arguments}" && echo "{tool}: {REFUSED}"')
        assert doctor("--clipboard", "--as", "go", "--json") == 2
        document = json.loads(capsys.readouterr().out)
        assert document["findings"][0]["id"] == "mechanism_not_offered"
        assert tool in json.dumps(document)


def test_powershell_prints_utf_8(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install(
        "powershell.exe",
        f'case "$*" in *UTF8*Get-Clipboard*) printf "%s\\r\\n" "é {REFUSED}";; esac',
    )
    assert doctor("--clipboard", "--json") == 2
    assert f"é {REFUSED}" in capsys.readouterr().out


def test_a_tool_of_another_desktop_is_passed_over(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY")
    install("wl-paste", "echo wrong; exit 1")
    install("xclip", "echo 'Error: Can'\"'\"'t open display: :0' >&2; exit 1")
    install("xsel", f"echo '{REFUSED}'")
    assert doctor("--clipboard") == 2
    install("xsel", "exit 3")
    assert doctor("--clipboard") == 1
    error = capsys.readouterr().err
    assert "wl-paste needs WAYLAND_DISPLAY, which is not set" in error
    assert "xclip: Error: Can't open display: :0" in error
    assert "xsel: exit status 3" in error


def test_without_a_tool_the_error_says_what_to_install(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("--clipboard", "--json") == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "NoClipboard"
    assert "install wl-clipboard, xclip or xsel" in err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        (" \\n ", "empty"),
        ("hunter2-S3cret!", "only one word"),
        ("correcthorsebattery", "only one word"),
    ],
)
def test_what_is_no_message_is_refused_without_showing_it(
    content: str, reason: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("pbpaste", f"printf '{content}'")
    assert doctor("--clipboard", "--json") == 1
    out, err = capsys.readouterr()
    assert reason in err
    assert not content.strip() or content not in out + err


@pytest.mark.parametrize("content", ["535", "EAUTH", "smtplib.SMTPServerDisconnected"])
def test_an_error_may_be_one_word(content: str, install: Install) -> None:
    install("pbpaste", f"echo {content}")
    assert doctor("--clipboard") in (1, 2)


def test_a_tool_that_hangs_is_ended(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clipboard, "TIME_LIMIT", 0.2)
    install("xclip", "/bin/sleep 60 & /bin/sleep 60")
    started = time.monotonic()
    assert doctor("--clipboard") == 1
    assert time.monotonic() - started < 10
    assert "xclip: no answer within 0.2 s" in capsys.readouterr().err


def test_an_endless_clipboard_is_refused(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clipboard, "MAX_CLIPBOARD", 100_000)
    install("pbpaste", f"exec {sys.executable} -c 'while True: print(\"a b \" * 999)'")
    assert doctor("--clipboard") == 1
    assert "more than 100000 octets" in capsys.readouterr().err


def test_of_a_long_clipboard_the_end_is_read(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install(
        "pbpaste",
        f'exec {sys.executable} -c \'print("an ordinary line\\n" * 100000 + "{REFUSED}")\'',
    )
    assert doctor("--clipboard", "--json") == 2
    assert json.loads(capsys.readouterr().out)["evidence"]["left_out"] > 0


@pytest.mark.parametrize("other", [("535 no",), ("mail.example.com",), ("--log", "-")])
def test_the_clipboard_is_the_only_source(
    other: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("--clipboard", *other) == 64
    assert "give one of" in capsys.readouterr().err
