"""``gatepost suppression``: the managed suppression list."""

from pathlib import Path

import click

from gatepost.cli.call_relay import Document, call_events
from gatepost.cli.command_group import Group
from gatepost.cli.output import CommandFailed, print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows


@click.group(cls=Group)
def suppression() -> None:
    """Show the managed suppression list, and remove addresses from it.

    A hard bounce adds an address. Azure neither shows this list nor permits changes.

    \b
    Example:
      gatepost suppression list
    """


@suppression.command("list")
@options
def list_(data: Path, as_json: bool) -> None:
    """List the suppressed addresses, and the time until which each is suppressed.

    \b
    Example:
      gatepost suppression list --json
    """
    print_result(call_events(data, "suppression_list", {}), as_json, _print)


@suppression.command()
@click.argument("address", required=False)
@click.option("--all", "everything", is_flag=True, help="Remove all addresses.")
@options
def delete(address: str | None, everything: bool, data: Path, as_json: bool) -> None:
    """Remove one address from the list, or all.

    \b
    Example:
      gatepost suppression delete --all
    """
    if (address is not None) == everything:
        raise click.UsageError("give either an ADDRESS or --all")
    fields = {"addresses": [address] if address else [], "everything": everything}
    document = call_events(data, "suppression_delete", fields)
    if address and not document["deleted"]:
        raise CommandFailed(f"{address} is not on the list", code="NotFound")
    print_result(document, as_json, lambda _: click.echo(f"{document['deleted']} deleted"))


def _print(document: Document) -> None:
    rows = [
        (each["address"], each["until"][:19].replace("T", " "), str(each["level"]))
        for each in document["suppressed"]
    ]
    print_rows(
        ("ADDRESS", "UNTIL (UTC)", "PROLONGED"),
        rows,
        whole=("ADDRESS",),
        otherwise="no recipient is suppressed",
    )
