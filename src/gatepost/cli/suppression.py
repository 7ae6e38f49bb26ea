"""``gatepost suppression``: the managed suppression list."""

from pathlib import Path
from typing import TextIO

import click

from gatepost.cli.call_relay import Document, call_events
from gatepost.cli.command_group import Group
from gatepost.cli.output import CommandFailed, print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows


@click.group(cls=Group)
def suppression() -> None:
    """Show the managed suppression list, add addresses to it, and remove them.

    A hard bounce adds an address for a while, a complaint for good. Azure neither shows this list
    nor permits changes.

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
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option(
    "--file",
    type=click.File("r", encoding="utf-8-sig"),
    help="Also the addresses in this file, one a line.",
)
@options
def add(addresses: tuple[str, ...], file: TextIO | None, data: Path, as_json: bool) -> None:
    """Add addresses to the list, until they are removed.

    \b
    Example:
      gatepost suppression add --file unsubscribed.txt
    """
    try:
        lines = [] if file is None else [each.strip() for each in file]
    except UnicodeDecodeError:
        raise click.UsageError("the file is not UTF-8") from None
    some = [*addresses, *filter(None, lines)]
    if not some:
        raise click.UsageError("give an ADDRESS or --file")
    document = call_events(data, "suppression_add", {"addresses": some})
    print_result(document, as_json, lambda _: click.echo(f"{document['added']} added"))


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
        (each["address"], _end(each["until"]), str(each["level"]))
        for each in document["suppressed"]
    ]
    print_rows(
        ("ADDRESS", "UNTIL (UTC)", "PROLONGED"),
        rows,
        whole=("ADDRESS",),
        otherwise="no recipient is suppressed",
    )


def _end(until: str) -> str:
    """Return the end of a period; one in another millennium is none."""
    return "for good" if until.startswith("2999") else until[:19].replace("T", " ")
