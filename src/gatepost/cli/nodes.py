"""``gatepost nodes`` and ``gatepost node``: the relays that share a database."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import Document, call_nodes
from gatepost.cli.command_group import Group
from gatepost.cli.durations import span
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows

_TITLES: Final = (
    "NODE", "VERSION", "EPOCH", "STATE", "LEASES", "ACCEPTED/MIN", "SETTLED/MIN", "LAST SEEN",
)  # fmt: skip
_options = partial(options, of_relay=True)


@click.command()
@_options
def nodes(data: Path, as_json: bool) -> None:
    """List the relays that share a database, and what each of them does.

    \b
    Example:
      gatepost nodes --json
    """
    print_result(call_nodes(data, "list", {}), as_json, _print)


@click.group(cls=Group)
def node() -> None:
    """Control one of the relays that share a database.

    \b
    Example:
      gatepost node drain mail-2
    """


@node.command()
@click.argument("name")
@_options
def drain(name: str, data: Path, as_json: bool) -> None:
    """Let a relay finish what it is sending, leave its other mail to the others, and stop.

    Meanwhile its health check answers 503 with the status "draining".

    \b
    Example:
      gatepost node drain mail-2
    """
    document = call_nodes(data, "drain", {"name": name})
    print_result(document, as_json, lambda _: click.echo(f"{name} is being drained"))


def _print(document: Document) -> None:
    rows = [
        (
            each["name"], each["version"], str(each["epoch"]), each["state"],
            f"{each['leases']:,}", _rate(each, "accepted_per_minute"),
            _rate(each, "settled_per_minute"), f"{span(each['seen'])} ago",
        )
        for each in document["nodes"]
    ]  # fmt: skip
    print_rows(_TITLES, rows, whole=("NODE", "STATE"), spare=("EPOCH", "VERSION"))


def _rate(node: Mapping[str, Any], name: str) -> str:
    rate = node[name]
    return "-" if rate is None else f"{rate:,.0f}"
