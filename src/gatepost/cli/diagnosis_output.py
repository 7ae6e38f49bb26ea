"""Prints and stores a diagnosis, and sets the exit code."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gatepost.cli.output import FAILED, FINDING, OK, UNREACHABLE, print_json
from gatepost.cli.printable_streams import write_unescaped
from gatepost.model.unprintable import escape_unprintable

if TYPE_CHECKING:  # not for --help
    from gatepost.model.finding import Diagnosis

EXIT: Final = {"healthy": OK, "unknown": FAILED, "finding": FINDING, "unreachable": UNREACHABLE}
"""Exit codes by verdict."""


def check_form(*, as_json: bool, as_markdown: bool) -> None:
    """Refuse two output formats at once."""
    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown cannot be used together")


def save_evidence(diagnosis: "Diagnosis", path: Path) -> None:
    """Save the evidence as JSON. Raises ClickException."""
    import json  # noqa: PLC0415

    from gatepost.doctor.evidence_document import to_document  # noqa: PLC0415

    document = json.dumps(to_document(diagnosis.evidence), ensure_ascii=False, indent=1)
    try:
        path.write_text(f"{escape_unprintable(document)}\n", "utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot save to {path}: {error.strerror}") from error


def show(diagnosis: "Diagnosis", *, as_json: bool, as_markdown: bool) -> None:
    """Print the report on standard output."""
    if as_json:
        from gatepost.doctor.diagnosis_document import report_document  # noqa: PLC0415

        print_json(report_document(diagnosis))
    elif as_markdown:
        from gatepost.doctor.markdown_report import render_markdown  # noqa: PLC0415

        sys.stdout.write(render_markdown(diagnosis))
    else:
        import os  # noqa: PLC0415

        from gatepost.doctor.terminal_report import render  # noqa: PLC0415

        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        colour = sys.stdout.isatty() and not plain
        write_unescaped(render(diagnosis, colour=colour))
