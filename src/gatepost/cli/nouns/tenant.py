"""``gatepost tenant``: Entra directories."""

from pathlib import Path
from typing import Final

import click

from gatepost.cli.noun import Noun, answer, ask, noun_group, options

NOUN: Final = Noun(
    "tenant",
    "tenants",
    "Entra directories: each has its own applications and subscriptions.",
    {"NAME": lambda each: each["name"], "ID": lambda each: each["id"]},
    whole=("ID",),
    example="contoso.localhost",
)

tenant = noun_group(NOUN)


@tenant.command()
@click.argument("name", metavar="DOMAIN")
@options
def create(name: str, data: Path, as_json: bool) -> None:
    """Create a tenant, named by its domain.

    \b
    Example:
      gatepost tenant create contoso.localhost
    """
    answer(ask(data, "tenant create", {"name": name}), as_json)
