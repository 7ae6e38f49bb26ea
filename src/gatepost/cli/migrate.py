"""``gatepost migrate``: leave Azure Communication Services Email."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.exit_options import exit_options, plan_of, read_settings, write_configuration
from gatepost.cli.migrate_verify import verify
from gatepost.cli.output import OK, CommandFailed, print_json
from gatepost.cli.secret_file import read_token
from gatepost.model.unprintable import replace_unprintable

if TYPE_CHECKING:
    from gatepost.migrate.inventory import Inventory
    from gatepost.model.secret import Secret

EXAMPLE = """\b
Example:
  az login
  gatepost migrate acs --dry-run
  gatepost init acs-exit && gatepost migrate acs
  gatepost migrate acs --outside ses --set region=eu-west-1 --access-key-id AKIA... \\
    --secret-access-key-file aws-secret
"""
GROUP = """\b
Example:
  gatepost migrate acs --dry-run
"""
BATCH: Final = 500
"""Entries that are written in one commit."""
Choices = dict[str, Any]


@click.group(epilog=GROUP)
def migrate() -> None:
    """Leave Azure Communication Services Email."""


migrate.add_command(verify)


@migrate.command("acs", epilog=EXAMPLE)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("gatepost.toml"),
    show_default=True,
    help="The configuration to write.",
)
@click.option("--subscription", default="", metavar="ID", help="Read this subscription only.")
@click.option(
    "--token-file",
    type=click.File("rb"),
    help="File with a token for Azure Resource Manager; default: the environment variable "
    "AZURE_ARM_TOKEN, the Azure CLI, or azure-identity.",
)
@click.option(
    "--graph-token-file",
    type=click.File("rb"),
    help="File with a token for Microsoft Graph, which knows the names of applications; default: "
    "AZURE_GRAPH_TOKEN, the Azure CLI, or azure-identity.",
)
@click.option(
    "--arm", default="https://management.azure.com", metavar="URL", help="Resource Manager."
)
@click.option(
    "--graph", default="https://graph.microsoft.com", metavar="URL", help="Microsoft Graph."
)
@exit_options
@click.option("--dry-run", is_flag=True, help="Read and show everything, and write nothing.")
@click.option("--overwrite", is_flag=True, help="Replace a configuration that is different.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def acs(path: Path, dry_run: bool, overwrite: bool, as_json: bool, **choices: Any) -> int:
    """Read what you have at ACS, and write the configuration and directory that replace it.

    Reads resources, access keys, domains, senders, SMTP user names, roles, suppression lists, event
    subscriptions and diagnostic settings, with the rights of the token. The role Reader suffices
    for all but access keys and the URLs of webhooks. Nothing changes at Azure. It can be repeated:
    a second run changes nothing. Exit: 0 done, 1 failed.
    """
    from gatepost.errors import GatepostError  # noqa: PLC0415 - not for --help

    read_settings(choices)
    try:
        inventory = _read(choices)
        document = _describe(inventory, choices)
        if not dry_run:
            document |= _write(inventory, path, choices, overwrite=overwrite)
    except GatepostError as error:
        raise CommandFailed.by(error) from None
    if as_json:
        print_json(document)
    else:
        _print(document, path, dry_run=dry_run)
    return OK


def _read(choices: Choices) -> "Inventory":
    from gatepost.errors import ConfigError  # noqa: PLC0415
    from gatepost.migrate.arm_reader import ArmReader  # noqa: PLC0415
    from gatepost.migrate.arm_token import (  # noqa: PLC0415
        ARM_VARIABLE,
        GRAPH_VARIABLE,
        find_token,
    )
    from gatepost.migrate.read_inventory import InventoryReader  # noqa: PLC0415
    from gatepost.net.blocking_http import Fetcher  # noqa: PLC0415

    fetcher = Fetcher(ca_file=choices["ca_file"], timeout=30.0)

    def reader(url: str, token: "Secret") -> ArmReader:
        return ArmReader(fetcher.ask, url.rstrip("/"), token, time.sleep)

    def token_for(url: str, file: Any, variable: str) -> "Secret":
        from gatepost.model.secret import Secret  # noqa: PLC0415

        if file is not None:
            return Secret(read_token(file, "token"))
        return find_token(url.rstrip("/"), variable, os.environ)

    arm = reader(choices["arm"], token_for(choices["arm"], choices["token_file"], ARM_VARIABLE))
    graph: ArmReader | None
    try:
        file = choices["graph_token_file"]
        graph = reader(choices["graph"], token_for(choices["graph"], file, GRAPH_VARIABLE))
    except ConfigError:
        graph = None  # names are missing then, and the report says so
    return InventoryReader(arm, graph, choices["subscription"]).read()


def _describe(inventory: "Inventory", choices: Choices) -> dict[str, Any]:
    from gatepost.migrate.exit_report import applications_of, not_carried, to_change  # noqa: PLC0415

    listen = choices["listen"] or "127.0.0.1:2587"
    return {
        "read": inventory.counts() | {"applications": len(applications_of(inventory))},
        "not_carried": list(not_carried(inventory)),
        "to_change": list(to_change(inventory, listen, choices["api"] or "")),
    }


def _write(
    inventory: "Inventory", path: Path, choices: Choices, *, overwrite: bool
) -> dict[str, Any]:
    """Write the configuration, unless there is one and no option says what replaces ACS, and the
    directory. Return what was done."""
    from gatepost.config.load import parse_config  # noqa: PLC0415
    from gatepost.config.source_file import read_text  # noqa: PLC0415

    done = "kept"
    if choices["outside"] or not path.exists():
        text = _configuration(inventory, choices)
        parse_config(text, str(path))
        done = write_configuration(path, text, overwrite=overwrite)
        if done != "kept":
            _write_urls(inventory, path.parent)
    config = parse_config(read_text(path), str(path))
    return {"configuration": done, "directory": _import(inventory, config.storage.directory)}


def _configuration(inventory: "Inventory", choices: Choices) -> str:
    from gatepost.directory.azure.entries import CommunicationService, Tenant  # noqa: PLC0415
    from gatepost.migrate.carried_webhooks import carried_webhooks  # noqa: PLC0415
    from gatepost.migrate.exit_configuration import exit_configuration  # noqa: PLC0415
    from gatepost.migrate.exit_report import applications_of, has_managed_domain  # noqa: PLC0415

    resources = iter([each.id for each in inventory.all(CommunicationService)])
    of_azure = {
        "tenants": [each.id for each in inventory.all(Tenant)],
        "applications": applications_of(inventory),
        "has_managed_domain": has_managed_domain(inventory),
        "topic": choices["topic"] or next(resources, ""),
        "webhooks": tuple(carried_webhooks(inventory)),
    }
    return exit_configuration(plan_of(choices | of_azure))


def _write_urls(inventory: "Inventory", directory: Path) -> None:
    """Write the URLs of webhooks, which may be secret, where the configuration says. Raises
    CommandFailed."""
    from gatepost.migrate.carried_webhooks import carried_webhooks  # noqa: PLC0415

    for each in carried_webhooks(inventory):
        file = directory / each.file
        try:
            file.unlink(missing_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                out.write(f"{each.url.reveal()}\n")
        except OSError as error:
            raise CommandFailed(f"{file}: {error.strerror or error}") from None


def _import(inventory: "Inventory", data: Path) -> dict[str, int]:
    """Write the entries to the directory of the relay, whether it runs or not."""
    from gatepost.cli.call_relay import call_directory  # noqa: PLC0415
    from gatepost.directory.azure.entry_records import record_of  # noqa: PLC0415

    keys = {
        id_: (primary.reveal(), secondary.reveal())
        for id_, (primary, secondary) in inventory.access_keys.items()
    }
    total = {"added": 0, "changed": 0, "unchanged": 0}
    for start in range(0, len(inventory.entries), BATCH):
        some = inventory.entries[start : start + BATCH]
        records = [record_of(each) for each in some]
        fields = {
            "entries": [
                {"kind": each.kind, "id": each.id, "fields": each.fields} for each in records
            ],
            "access_keys": {each.id: keys[each.id] for each in some if each.id in keys},
        }
        answer = call_directory(data, "directory import", fields)
        total = {name: total[name] + answer[name] for name in total}
    return total


def _print(document: dict[str, Any], path: Path, *, dry_run: bool) -> None:
    click.echo("Read:")
    for name, count in document["read"].items():
        click.echo(f"  {count:>6}  {name.replace('_', ' ')}")
    for title, key in (("Not carried over:", "not_carried"), ("To change:", "to_change")):
        if document[key]:
            click.echo(f"\n{title}")
        for each in document[key]:
            click.echo(f"  - {replace_unprintable(each)}")
    if dry_run:
        click.echo("\nNothing was written. Run it without --dry-run to write this.")
        return
    done, entries = document["configuration"], document["directory"]
    click.echo(f"\n{path}: {done}.")
    if done == "kept":
        click.echo("  It was there before. With --outside and --overwrite, it is written anew.")
    numbers = ", ".join(f"{count} {name}" for name, count in entries.items())
    click.echo(f"Directory: {numbers}. Next: gatepost check --config {path}")
