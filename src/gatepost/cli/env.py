"""``gatepost env``: what an application's shell must know of a running relay."""

import json
from pathlib import Path
from typing import Any

import click

from gatepost.cli.environment import export_lines, missing_lines
from gatepost.cli.output import Failed
from gatepost.cli.streams import write_unescaped

EXAMPLE = """\b
Example:
  eval "$(gatepost env)"
  eval "$(gatepost env --admin)"
  gatepost env --json
"""


@click.command(epilog=EXAMPLE)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".gatepost"),
    show_default=True,
    help="Directory of the relay.",
)
@click.option(
    "--admin",
    is_flag=True,
    help="The administrator's credentials, for the management APIs.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: names and values.")
def env(data: Path, admin: bool, as_json: bool) -> int:
    """Print the environment variables with which Azure's libraries use a running relay.

    They contain secrets of the local relay.
    """
    variables = _variables(_read(data), admin=admin)
    for missing in missing_lines(variables):
        click.echo(f"gatepost env: {missing}", err=True)
    lines = [json.dumps(variables)] if as_json else export_lines(variables)
    write_unescaped("".join([f"{line}\n" for line in lines]))
    return 0


def _read(data: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((data / "ready.json").read_bytes())
    except FileNotFoundError:
        raise Failed(f"no relay is up in {data}: start one with `gatepost up`") from None
    except ValueError as error:
        raise Failed(f"{data / 'ready.json'} is damaged: {error}") from None
    return document


def _variables(document: dict[str, Any], *, admin: bool) -> dict[str, str]:
    if "env" not in document:
        raise Failed("that is a relay of `gatepost serve`; this command needs one of `gatepost up`")
    variables: dict[str, str] = dict(document["env"])
    if not variables and document.get("tenant_id") is None:
        raise Failed("this relay has no Azure directory: its profile has plain accounts")
    if not variables:
        raise Failed("the relay serves no APIs: it was started with --https off")
    if admin:
        identity = document["admin"]
        if identity is None:
            raise Failed("this directory has no administrator: its tenant was deleted")
        variables["AZURE_CLIENT_ID"] = identity["client_id"]
        variables.pop("AZURE_CLIENT_SECRET", None)
        if identity["client_secret"] is not None:
            variables["AZURE_CLIENT_SECRET"] = identity["client_secret"]
    return variables
