"""Exit codes, and the output of JSON documents and errors."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.model.unprintable import escape_unprintable, replace_unprintable

if TYPE_CHECKING:
    from gatepost.config.problems import ConfigProblems

OK: Final = 0
FAILED: Final = 1
FINDING: Final = 2
UNREACHABLE: Final = 3
USAGE: Final = 64


class CommandFailed(click.ClickException):
    """The command failed. ``code`` is for programs, the message for people.

    ``is_reported``: standard output already has the message.
    """

    def __init__(self, message: str, code: str = "Failed", *, is_reported: bool = False) -> None:
        super().__init__(message)
        self.code, self.is_reported = code, is_reported

    @classmethod
    def by(cls, error: Exception) -> "CommandFailed":
        """Return the failure for an error of ours; its code is the error's name."""
        return cls(str(error), type(error).__name__)


def print_json(document: Any) -> None:
    """Print one JSON document and nothing else on standard output."""
    import json  # noqa: PLC0415 - not for --help

    text = json.dumps(document, ensure_ascii=False, indent=1)
    sys.stdout.write(f"{escape_unprintable(text)}\n")


def print_json_line(document: Any) -> None:
    """Print one JSON document in one line, for commands that print several."""
    import json  # noqa: PLC0415

    text = json.dumps(document, ensure_ascii=False)
    sys.stdout.write(f"{escape_unprintable(text)}\n")
    sys.stdout.flush()


def print_problems(error: "ConfigProblems", path: Path, *, as_json: bool) -> int:
    """Print all mistakes in the file at ``path``; return the exit code."""
    from gatepost.config.effective_values import problems_document  # noqa: PLC0415 - not for --help

    if as_json:
        print_json(problems_document(error))
    else:
        for each in error.problems:
            click.echo(str(each), err=True)
        count = len(error.problems)
        click.echo(f"{count} mistake{'s' if count != 1 else ''} in {path}.", err=True)
    return FAILED


def print_trusted(authority: str) -> None:
    """Say on standard error that the server was verified with its own authority."""
    click.echo(f"Trusted {authority}, the authority of this local server.", err=True)


def print_error(error: click.ClickException) -> None:
    """Print ``{"error": {"code", "message"}}`` in one line, because commands that print lines can
    fail, too."""
    if isinstance(error, CommandFailed):
        if error.is_reported:
            return
        code = error.code
    else:
        code = "Usage" if isinstance(error, click.UsageError) else "Failed"
    print_json_line({"error": {"code": code, "message": error.format_message()}})


Printer = Callable[[dict[str, Any]], None] | None


def print_result(document: dict[str, Any], as_json: bool, print_object: Printer = None) -> None:
    """Print a document: as JSON, or for people.

    ``print_object`` prints one object for people.
    """
    if as_json:
        print_json(document)
    else:
        (print_object or print_document)(document)


def print_document(document: dict[str, Any]) -> None:
    """Print one document, a line for each field."""
    width = max(map(len, document), default=0)
    for key, value in document.items():
        click.echo(f"{key.replace('_', ' '):<{width}}  {_format(value)}".rstrip())


def _format(value: Any) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_format(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_format, value))
    return replace_unprintable(str(value))
