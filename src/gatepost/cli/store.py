"""``gatepost store``: where the mail of a relay is."""

import time
from pathlib import Path

import click

from gatepost.cli.command_group import Group
from gatepost.cli.output import OK, CommandFailed, print_json, print_problems


@click.group(cls=Group)
def store() -> None:
    """Copy the mail of a relay to another place.

    \b
    Example:
      gatepost store copy --from sqlite.toml --to postgres.toml
    """


@store.command()
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    required=True,
    help="The configuration whose store is read.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    required=True,
    help="The configuration whose store is written. It must be empty.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def copy(source: Path, target: Path, as_json: bool) -> int:
    """Copy everything of a store to another one: mail, the queue, reports, accounts, the directory.

    No relay may use either of them. Ids stay the same, mail that was being delivered is due again,
    and the first store is not changed.

    \b
    Example:
      gatepost store copy --from sqlite.toml --to postgres.toml
    """
    from gatepost.app.store_copy import copy_store  # noqa: PLC0415 - not for --help
    from gatepost.config.load import load_config  # noqa: PLC0415
    from gatepost.config.problems import ConfigProblems  # noqa: PLC0415
    from gatepost.errors import GatepostError  # noqa: PLC0415

    storages = []
    for file in (source, target):
        try:
            storages.append(load_config(file).storage)
        except ConfigProblems as error:
            return print_problems(error, file, as_json=as_json)
    try:
        counts = copy_store(storages[0], storages[1], time.time_ns() // 1000)
    except GatepostError as error:
        raise CommandFailed(str(error)) from error
    counts.pop("counter", None)
    if as_json:
        print_json({"copied": counts})
    else:
        click.echo(_sentence(counts))
    return OK


def _sentence(counts: dict[str, int]) -> str:
    captured, queued = counts.get("captured", 0), counts.get("queued", 0)
    others = sum(counts.values()) - captured - queued
    return f"Copied {captured} captured and {queued} queued messages, and {others} other rows."
