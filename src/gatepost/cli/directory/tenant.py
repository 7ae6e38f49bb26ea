"""``gatepost tenant``: Entra directories."""

from pathlib import Path
from typing import Final

import click

from gatepost.cli.call_relay import call_directory
from gatepost.cli.directory.objects import ObjectKind, object_group
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options

KIND: Final = ObjectKind(
    "tenant",
    "tenants",
    "Entra directories: each has its own applications and subscriptions.",
    {"NAME": lambda each: each["name"], "ID": lambda each: each["id"]},
    whole=("ID",),
    example="contoso.localhost",
)

tenant = object_group(KIND)


@tenant.command()
@click.argument("name", metavar="DOMAIN")
@options
def create(name: str, data: Path, as_json: bool) -> None:
    """Create a tenant, named by its domain.

    \b
    Example:
      gatepost tenant create contoso.localhost
    """
    print_result(call_directory(data, "tenant create", {"name": name}), as_json)
