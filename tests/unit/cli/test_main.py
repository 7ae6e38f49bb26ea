"""The command line's face: names, suggestions, exit codes."""

from collections.abc import Callable

import click
import pytest

from gatepost.cli import main as cli


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
