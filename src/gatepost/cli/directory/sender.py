"""``gatepost sender``: local parts that a domain may send with."""

from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import call_directory
from gatepost.cli.directory.objects import ObjectKind, object_group, parent_option
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options

KIND: Final = ObjectKind(
    "sender",
    "senders",
    "Senders: the local parts of a domain that are permitted in From and MAIL FROM.",
    {
        "ADDRESS": lambda each: each["address"],
        "DISPLAY NAME": lambda each: each["display_name"] or "-",
    },
    parent="domain",
    example="news@mail.contoso.localhost",
)

sender = object_group(KIND)


@sender.command()
@click.argument("name", metavar="LOCALPART")
@parent_option("domain")
@click.option("--display-name", default="", metavar="NAME", help="Display name for the address.")
@options
def create(data: Path, as_json: bool, **fields: Any) -> None:
    """Add a sender to a domain, as a local part or a complete address.

    \b
    Example:
      gatepost sender create news --in mail.contoso.localhost --display-name News
    """
    print_result(call_directory(data, "sender create", fields), as_json)
