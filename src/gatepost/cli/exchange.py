"""``gatepost exchange``: the organisation of an emulated Exchange Online."""

import tomllib
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import click

from gatepost.cli.call_relay import Document, call_directory
from gatepost.cli.command_group import Group
from gatepost.cli.output import CommandFailed, print_result
from gatepost.cli.read_ready_json import read_ready
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows

SCOPE: Final = "https://outlook.office365.com/.default"
MAX_FILE: Final = 1_048_576
"""Octets of an organisation."""


@click.group(cls=Group)
def exchange() -> None:
    """Mailboxes and permissions of `gatepost up --profile microsoft365`.

    Sending needs several steps in Entra and in Exchange. Each can be undone and taken again, so
    that a test sees what an application does without it.

    \b
    Example:
      gatepost exchange steps
      gatepost exchange break full-access
      gatepost exchange mend full-access
    """


@exchange.command()
@options
def show(data: Path, as_json: bool) -> None:
    """Show the organisation as TOML, as `gatepost exchange apply` takes it.

    \b
    Example:
      gatepost exchange show > organisation.toml
    """
    document = call_directory(data, "exchange show", {})
    print_result(document, as_json, lambda each: click.echo(_toml(each["organisation"]), nl=False))


@exchange.command()
@options
@click.argument("file", type=click.File("rb"))
def apply(file: Any, data: Path, as_json: bool) -> None:
    """Replace the organisation by that of FILE; - is standard input.

    What FILE grants and was not granted before takes effect after the propagation delay, unless
    FILE says since when it is granted.

    \b
    Example:
      gatepost exchange show > organisation.toml
      gatepost exchange apply organisation.toml
    """
    octets = file.read(MAX_FILE + 1)
    if len(octets) > MAX_FILE:
        raise CommandFailed(f"{file.name} has more than {MAX_FILE} octets")
    try:
        organisation = tomllib.loads(octets.decode())
    except RecursionError:
        raise CommandFailed(f"{file.name}: it is nested too deeply") from None
    except ValueError as error:
        raise CommandFailed(f"{file.name}: {error}") from None
    answer = call_directory(data, "exchange apply", {"organisation": _plain(organisation)})
    print_result(answer, as_json, lambda _: click.echo("the organisation was replaced"))


@exchange.command()
@options
def steps(data: Path, as_json: bool) -> None:
    """List the steps of the set-up.

    \b
    Example:
      gatepost exchange steps
    """
    print_result(call_directory(data, "exchange steps", {}), as_json, _print_steps)


@exchange.command("break")
@options
@click.argument("step")
def undo(step: str, data: Path, as_json: bool) -> None:
    """Undo STEP of the set-up.

    \b
    Example:
      gatepost exchange break service-principal
    """
    print_result(call_directory(data, "exchange break", {"step": step}), as_json)


@exchange.command()
@options
@click.argument("step")
def mend(step: str, data: Path, as_json: bool) -> None:
    """Take STEP of the set-up again; a permission takes effect after the propagation delay.

    \b
    Example:
      gatepost exchange mend service-principal
    """
    print_result(call_directory(data, "exchange mend", {"step": step}), as_json)


@exchange.command()
@options
@click.argument("way", type=click.Choice(("classic", "rbac")))
def use(way: str, data: Path, as_json: bool) -> None:
    """Give the application access in one of the two ways, and not in the other.

    classic: the Entra permission SMTP.SendAsApp, and FullAccess to the mailbox. rbac: the role
    "Application SMTP.SendAsApp" of RBAC for Applications, without any Entra permission.

    \b
    Example:
      gatepost exchange use rbac
    """
    print_result(call_directory(data, "exchange use", {"way": way}), as_json)


@exchange.command()
@options
def token(data: Path, as_json: bool) -> None:
    """Print an access token of the application, as its token endpoint issues it.

    \b
    Example:
      gatepost exchange token
    """
    ready = read_ready(data)
    document = _ask_for_token(ready)
    print_result(document, as_json, lambda each: click.echo(each["access_token"]))


def _ask_for_token(ready: Document) -> Document:
    from gatepost.errors import GatepostError  # noqa: PLC0415 - `gatepost --help` does without
    from gatepost.net.blocking_http import Fetcher  # noqa: PLC0415
    from gatepost.net.http_client import HttpRequest  # noqa: PLC0415

    if not ready.get("authority") or not ready.get("client_id"):
        raise CommandFailed("this relay has no token endpoint: start it with --https")
    form = {
        "grant_type": "client_credentials",
        "client_id": ready["client_id"],
        "client_secret": ready["client_secret"] or "",
        "scope": SCOPE,
    }
    url = f"{ready['authority']}/{ready['tenant_id']}/oauth2/v2.0/token"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    try:
        fetcher = Fetcher(ca_file=ready["ca_file"])
        response = fetcher.ask(HttpRequest("POST", url, headers, urlencode(form).encode()))
    except GatepostError as error:
        raise CommandFailed.by(error) from None
    document = dict(response.document())
    if response.status != 200:
        raise CommandFailed(str(document.get("error_description", response.status)))
    return document


def _print_steps(document: Document) -> None:
    rows = [[each["name"], each["about"]] for each in document["steps"]]
    print_rows(("STEP", "DONE IF"), rows, ("DONE IF",), otherwise="no steps")


def _plain(value: Any) -> Any:
    """Return a TOML value without dates, which the control socket does not have."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _toml(organisation: Document) -> str:
    """Return the organisation as TOML: its own values, then a table for each object."""
    lines = [
        f"{key} = {_value(each)}" for key, each in organisation.items() if not _is_tables(each)
    ]
    for name, objects in organisation.items():
        for each in objects if _is_tables(objects) else ():
            lines += ["", f"[[{name}]]", *[f"{key} = {_value(of)}" for key, of in each.items()]]
    return "\n".join(lines) + "\n"


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: Any) -> str:
    import json  # noqa: PLC0415

    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
