"""``gatepost check``: finds mistakes in a configuration, and shows its values."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatepost.cli.output import FAILED, OK, print_json, print_problems
from gatepost.cli.store_options import config_option

if TYPE_CHECKING:
    from gatepost.config.settings import Configuration

EXAMPLE = """\b
Example:
  gatepost check --config /etc/gatepost.toml
  gatepost check --config gatepost.toml --json
  gatepost check --config gatepost.toml --message order.eml --to ann@contoso.com
"""


@click.command(epilog=EXAMPLE)
@config_option("path", "The configuration file for `gatepost serve`.")
@click.option(
    "--message",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Show what would be sent of this message, to each target, instead of the values.",
)
@click.option("--from", "sender", metavar="ADDRESS", help="Its sender; default: its From.")
@click.option(
    "--to", metavar="ADDRESS", multiple=True, help="A recipient (repeatable); default: its own."
)
@click.option("--by", default="", metavar="NAME", help="The user name that sends it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(
    path: Path,
    message: Path | None,
    sender: str | None,
    to: tuple[str, ...],
    by: str,
    as_json: bool,
) -> int:
    """Check a configuration, and show every value with its origin.

    Reports all mistakes at once, with file, line and what was probably meant. Reads the files
    that the configuration names, without showing or keeping secrets. Makes no connections, except
    to the database if mail is stored in one: then it says what accepted mail survives there, and
    what should be changed. With --message, shows which target would get the message for whom, from
    whom, and which header lines change. Exit: 0 without mistakes, 1 with mistakes, or if a
    recipient would get nothing.
    """
    from gatepost.app.database_check import check_database  # noqa: PLC0415
    from gatepost.app.store_opening import with_store_warning  # noqa: PLC0415 - not for --help
    from gatepost.config.effective_values import explain, explanation  # noqa: PLC0415
    from gatepost.config.load import load_config  # noqa: PLC0415
    from gatepost.config.problems import ConfigProblems  # noqa: PLC0415

    try:
        config, database = check_database(with_store_warning(load_config(path)))
    except ConfigProblems as error:
        return print_problems(error, path, as_json=as_json)
    if message is not None:
        return _show(config, message, (sender, to, by), as_json=as_json)
    if sender or to or by:
        raise click.UsageError("--from, --to and --by are for --message")
    if as_json:
        document = None if database is None else asdict(database)
        print_json({**explanation(config), "database": document})
    else:
        for line in explain(config):
            click.echo(line)
        if database is not None:
            click.echo(f"# PostgreSQL {database.version}: {database.promise}")
        for each in config.warnings:
            click.echo(f"Warning: {each}", err=True)
    return OK


def _show(
    config: "Configuration",
    message: Path,
    envelope: tuple[str | None, tuple[str, ...], str],
    *,
    as_json: bool,
) -> int:
    """Show what would be sent; fails if no target can get the message for a recipient."""
    from gatepost.cli.dry_run_output import (  # noqa: PLC0415
        dry_run_document,
        preview,
        print_dry_run,
    )

    sent, run = preview(config, message, *envelope)
    if as_json:
        print_json(dry_run_document(sent, run))
    else:
        print_dry_run(sent, run)
    is_stuck = any(all(each.problem for each in one.targets) for one in run.deliveries)
    return FAILED if run.unroutable or is_stuck else OK
