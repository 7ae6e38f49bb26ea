"""The command line: names, suggestions, exit codes."""

import json
from collections.abc import Callable

import click
import pytest

from gatepost.cli import main as cli
from gatepost.cli.output import CommandFailed
from gatepost.errors import ConfigError


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    code = left.value.code
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_there(name: str) -> None:
    command = cli.root.get_command(click.Context(cli.root), name)
    assert command is not None
    assert command.name == name


def test_a_misspelt_command_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("docter") == 64
    assert "Did you mean 'doctor'?" in capsys.readouterr().err


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--nonsense") == 64
    assert "No such option" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(option) == 0
    said = capsys.readouterr().out
    for name in cli.COMMANDS:
        assert name in said


def _raises(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


def _returns(code: object) -> Callable[[], object]:
    return lambda: code


OUTCOMES = [
    (_returns(None), 0),
    (_returns(0), 0),
    (_returns(2), 2),
    (_returns(3), 3),
    (_raises(click.ClickException("no")), 1),
    (_raises(click.BadParameter("no")), 64),
    (_raises(click.Abort()), 130),
    (_raises(KeyboardInterrupt()), 130),
]


@pytest.mark.parametrize(("callback", "code"), OUTCOMES)
def test_every_outcome_has_its_exit_code(
    callback: Callable[[], object], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = click.Command("probe", callback=callback)
    monkeypatch.setattr(cli.Lazy, "resolve_command", lambda *_: ("probe", command, []))
    assert run("probe") == code


ERRORS = [
    (CommandFailed("it is gone", "NotFound"), 1, {"code": "NotFound", "message": "it is gone"}),
    (CommandFailed.by(ConfigError("no mail")), 1, {"code": "ConfigError", "message": "no mail"}),
    (click.ClickException("no"), 1, {"code": "Failed", "message": "no"}),
    (click.UsageError("say which"), 64, {"code": "Usage", "message": "say which"}),
    (CommandFailed("it is gone", is_reported=True), 1, None),
]


@pytest.mark.parametrize(("error", "code", "document"), ERRORS)
def test_errors_are_documents_with_json(
    error: click.ClickException,
    code: int,
    document: dict[str, str] | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_json = click.Option(["--json"], is_flag=True)
    command = click.Command("probe", callback=lambda **_: _raises(error)(), params=[as_json])
    monkeypatch.setattr(cli.Lazy, "resolve_command", lambda *it: ("probe", command, it[-1][1:]))
    assert run("probe", "--json") == code
    said = capsys.readouterr()
    assert error.message in said.err
    assert said.out == (f"{json.dumps({'error': document})}\n" if document else "")
    assert run("probe") == code
    assert capsys.readouterr().out == ""


def test_usage_errors_are_documents_with_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("messages", "list", "--nonsense", "--json") == 64
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["code"] == "Usage"
    assert "--nonsense" in said.err


def test_arguments_after_two_dashes_are_no_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("messages", "list", "--", "--json") == 64
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_exhausted_system_resources_are_reported_in_a_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = click.Command("probe", callback=_raises(error))
    monkeypatch.setattr(cli.Lazy, "resolve_command", lambda *it: ("probe", command, it[-1][1:]))
    assert run("probe") == 1
    assert "the system's limits may be too low" in capsys.readouterr().err


def test_a_fault_of_ours_is_no_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    command = click.Command("probe", callback=_raises(RuntimeError("something else")))
    monkeypatch.setattr(cli.Lazy, "resolve_command", lambda *it: ("probe", command, it[-1][1:]))
    with pytest.raises(RuntimeError, match="something else"):
        cli.main(["probe"])
