"""``gatepost check``: finds mistakes in a configuration, and shows its values."""

from pathlib import Path

import click

from gatepost.cli.output import OK, print_json, print_problems
from gatepost.cli.store_options import config_option

EXAMPLE = """\b
Example:
  gatepost check --config /etc/gatepost.toml
  gatepost check --config gatepost.toml --json
"""


@click.command(epilog=EXAMPLE)
@config_option("path", "The configuration file for `gatepost serve`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(path: Path, as_json: bool) -> int:
    """Check a configuration, and show every value with its origin.

    Reports all mistakes at once, with file, line and what was probably meant. Reads the files
    that the configuration names, without showing or keeping secrets, and makes no connections.
    Exit: 0 without mistakes, 1 with mistakes.
    """
    from gatepost.app.store_opening import with_store_warning  # noqa: PLC0415 - not for --help
    from gatepost.config.effective_values import explain, explanation  # noqa: PLC0415
    from gatepost.config.load import load_config  # noqa: PLC0415
    from gatepost.config.problems import ConfigProblems  # noqa: PLC0415

    try:
        config = with_store_warning(load_config(path))
    except ConfigProblems as error:
        return print_problems(error, path, as_json=as_json)
    if as_json:
        print_json(explanation(config))
    else:
        for line in explain(config):
            click.echo(line)
        for each in config.warnings:
            click.echo(f"Warning: {each}", err=True)
    return OK
