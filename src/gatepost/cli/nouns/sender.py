"""``gatepost sender``: local parts that a domain may send with."""

from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.noun import Noun, answer, ask, noun_group, options, within

NOUN: Final = Noun(
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

sender = noun_group(NOUN)


@sender.command()
@click.argument("name", metavar="LOCALPART")
@within("domain")
@click.option("--display-name", default="", metavar="NAME", help="Display name for the address.")
@options
def create(data: Path, as_json: bool, **fields: Any) -> None:
    """Add a sender to a domain, as a local part or a complete address.

    \b
    Example:
      gatepost sender create news --in mail.contoso.localhost --display-name News
    """
    answer(ask(data, "sender create", fields), as_json)
