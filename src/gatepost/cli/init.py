"""``gatepost init``: writes a configuration to start from."""

import sys
from pathlib import Path
from typing import Any

import click

from gatepost.cli.exit_options import (
    ask_for_missing,
    exit_options,
    plan_of,
    read_settings,
    write_configuration,
)
from gatepost.cli.output import OK, CommandFailed, print_json

EXAMPLE = """\b
Example:
  gatepost init acs-exit
  gatepost init acs-exit --tenant 99999999-8888-7777-6666-555555555555 --sender @contoso.com \\
    --outside ses --set region=eu-west-1 --access-key-id AKIA... --secret-access-key-file aws
"""


GROUP = """\b
Example:
  gatepost init acs-exit
"""


@click.group(epilog=GROUP)
def init() -> None:
    """Write a configuration to start from."""


@init.command("acs-exit", epilog=EXAMPLE)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("gatepost.toml"),
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--tenant", "tenants", metavar="ID", multiple=True, help="An Entra tenant (repeatable)."
)
@click.option(
    "--application",
    "ids",
    metavar="ID",
    multiple=True,
    help="Client id of an application that may sign in (repeatable); default: all of the tenant.",
)
@click.option(
    "--sender",
    "senders",
    metavar="SENDER",
    multiple=True,
    help="An address or @domain that applications may send as (repeatable).",
)
@exit_options
@click.option("--overwrite", is_flag=True, help="Replace a file that is different.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def acs_exit(
    path: Path, ids: tuple[str, ...], overwrite: bool, as_json: bool, **choices: Any
) -> int:
    """Write the configuration of a relay that stays where ACS Email was.

    Asks for what no option says, if there is somebody to ask. Applications keep their user names
    and secrets; High Volume Email gets mail to your own domains, another provider the rest. Exit:
    0 written or unchanged, 1 if the file is another one, or not valid.
    """
    from gatepost.config.load import parse_config  # noqa: PLC0415 - not for --help
    from gatepost.config.problems import ConfigProblems  # noqa: PLC0415
    from gatepost.errors import ConfigError  # noqa: PLC0415
    from gatepost.migrate.exit_configuration import (  # noqa: PLC0415
        ExitApplication,
        exit_configuration,
    )

    read_settings(choices)
    if sys.stdin is not None and sys.stdin.isatty() and not as_json:
        ask_for_missing(choices)
    senders = tuple(choices["senders"])
    if not senders:
        raise click.UsageError("missing: the senders that applications may use (--sender)")
    if ids:
        choices["applications"] = [ExitApplication(each, senders) for each in ids]
        choices["senders"] = ()
    try:
        text = exit_configuration(plan_of(choices))
        parse_config(text, str(path))
    except ConfigProblems as error:
        raise CommandFailed(str(error.problems[0]), "ConfigProblems") from None
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    done = write_configuration(path, text, overwrite=overwrite)
    if done == "kept":
        raise CommandFailed(f"{path} exists and is different: --overwrite replaces it")
    if as_json:
        print_json({"file": str(path), "result": done})
    else:
        click.echo(f"{path}: {done}. Next: gatepost check --config {path}")
    return OK
