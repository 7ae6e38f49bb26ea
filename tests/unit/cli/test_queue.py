"""``gatepost queue``: what a listing shows, at a terminal and in a pipe."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Planned
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.route import NextHop
from gatepost.store.sqlite import open_store
from tests.commands import gatepost

CONFIG = """\
hostname = "relay.example.com"
[[listener]]
unix = "s"
[target.provider-of-choice]
kind = "smarthost"
host = "smtp.example.com"
[[route]]
to = "provider-of-choice"
[storage]
directory = "{directory}"
"""
NAMES = [f"{'recipient' * 5}-{number}@example.net" for number in range(3)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A stopped relay with one message in its queue."""
    directory, path = tmp_path / "data", tmp_path / "gatepost.toml"
    path.write_text(CONFIG.format(directory=directory))
    directory.mkdir(0o700)
    now = datetime.now(UTC)
    recipients = tuple(Recipient(parse_address(each)) for each in NAMES)
    body = BytesBody(b"hi\r\n")
    sent = Submission(
        "1-1", Envelope(parse_address("ann@example.org"), recipients), body, b"", now - 2.5 * HOUR
    )
    planned = Planned(NextHop("default"), recipients, now + 9.5 * MINUTE, now + DAY, now + DAY)

    async def fill() -> None:
        store = open_store(directory)
        try:
            await store.deliveries.take_over(now)
            await store.deliveries.put(sent, [planned], leased=False)
        finally:
            store.close()

    asyncio.run(fill())
    return path


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_a_pipe_gets_everything(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gatepost("queue", "list", "--config", str(config)) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "ID"
    for told in (
        "1-1.0", "waiting", "2 h", "ann@example.org", ", ".join(NAMES), "default",
        "provider-of-choice", "in 9 min",
    ):  # fmt: skip
        assert f"{told} " in line + " "
    assert "…" not in line


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_gets_what_fits(
    width: int,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    assert gatepost("queue", "list", "--config", str(config)) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert len(line) <= width
    for title in ("ID", "STATE", "AGE", "FROM", "TO", "TARGET", "NEXT TRY"):
        assert title in head
    assert "in 9 min" in line


@pytest.mark.parametrize("action", ["hold", "release", "retry", "drop"])
@pytest.mark.parametrize(
    "arguments",
    [(), ("--dry-run",), ("1-1", "--all"), ("1-1", "--sender", "<>"), ("--all", "--target", "x")],
)
def test_an_action_needs_exactly_one_choice(
    action: str, arguments: tuple[str, ...], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gatepost("queue", action, *arguments, "--config", str(config)) == 64
    assert "options that select deliveries" in capsys.readouterr().err


def test_a_dry_run_shows_what_an_action_would_do(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = (
        "--sender", "@example.org", "--recipient", "recipient*@EXAMPLE.net", "--older-than", "2h",
        "--newer-than", "3h", "--target", "provider-of-choice", "--next-hop", "default",
    )  # fmt: skip
    assert gatepost("queue", "hold", *chosen, "--dry-run", "--config", str(config)) == 0
    told = capsys.readouterr()
    assert told.out.startswith("1 selected; nothing was changed\n")
    assert "1-1.0" in told.out
    assert told.err == ""
    assert gatepost("queue", "release", "--all", "--dry-run", "--config", str(config)) == 0
    assert capsys.readouterr().out == "0 selected; nothing was changed\n"
    assert gatepost("queue", "hold", *chosen, "--config", str(config)) == 0
    told = capsys.readouterr()
    assert (told.err, told.out) == ("1 selected\n", "1 held\n")
    assert gatepost("queue", "list", *chosen, "--config", str(config)) == 0
    assert "held" in capsys.readouterr().out
    assert gatepost("queue", "drop", *chosen, "--cause", "none", "--config", str(config)) == 0
    assert capsys.readouterr().out == "0 dropped\n"


def test_the_same_selection_is_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for action, word in (("hold", "held"), ("release", "released"), ("drop", "dropped")):
        assert gatepost("queue", action, "--sender", "*", "--config", str(config), "--json") == 0
        document = json.loads(capsys.readouterr().out)
        assert [each["id"] for each in document.pop("sample")] == ["1-1.0"]
        assert document == {word: 1, "selected": 1, "dry_run": False}


def test_ages_are_a_table_with_a_total(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gatepost("queue", "ages", "--config", str(config)) == 0
    head, row, total = capsys.readouterr().out.splitlines()
    columns = ["T", "5", "10", "20", "40", "80", "160", "320", "640", "1280", "1280+"]
    assert head.split() == ["TARGET", *columns, "OLDEST", "ID"]
    numbers = ["1", *"000001000"[:5], "1", *"0000"]
    assert row.split() == ["provider-of-choice", *numbers, "2", "h", "1-1.0"]
    assert total.split() == ["(total)", *numbers, "2", "h", "1-1.0"]
    assert gatepost("queue", "ages", "--sender", "<>", "--config", str(config)) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["(total)", "0"]
    assert gatepost("queue", "ages", "--config", str(config), "--by", "cause", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["key"] is None


def test_mail_is_rerouted_and_the_message_says_by_whom(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    with config.open("a") as file:
        file.write('[target.spare]\nkind = "smarthost"\nhost = "smtp.example.net"\n')
        file.write('[[route]]\nname = "some"\nrecipients = "some.example"\nto = "spare"\n')
    text = config.read_text().replace("[[route]]\nto =", '[[route]]\nsenders = "*"\nto =')
    config.write_text(text)
    at = ("--config", str(config))
    assert gatepost("queue", "reroute", "--all", *at) == 64
    assert "--to" in capsys.readouterr().err
    assert gatepost("queue", "reroute", "--to", "spare", *at) == 64
    assert gatepost("queue", "reroute", "--to", "nowhere", "--all", *at) == 1
    assert "provider-of-choice, spare" in capsys.readouterr().err
    assert gatepost("queue", "reroute", "--to", "spare", "--all", "--dry-run", *at) == 0
    assert capsys.readouterr().out.startswith("1 selected; nothing was changed\n")
    assert gatepost("queue", "reroute", "--to", "spare", "--sender", "@example.org", *at) == 0
    assert capsys.readouterr().out == "1 rerouted\n"
    assert gatepost("queue", "show", "1-1", *at) == 0
    assert "rerouted from default to spare by ann at 2" in capsys.readouterr().out
    assert gatepost("queue", "why", "1-1", *at) == 0
    assert "ann rerouted it from default to spare" in capsys.readouterr().out
    assert gatepost("queue", "reroute", "--to", "spare", "1-1", *at) == 0
    assert capsys.readouterr().out == "0 rerouted\n"
