"""``gatepost smtp-username``: login names that stand for an application."""

from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import call_directory
from gatepost.cli.directory.objects import ObjectKind, object_group, parent_option
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options

KIND: Final = ObjectKind(
    "smtp-username",
    "smtp_usernames",
    "SMTP user names: login names of applications, instead of RESOURCE.APPLICATION.TENANT.",
    {
        "NAME": lambda each: each["name"],
        "USERNAME": lambda each: each["username"],
        "APP": lambda each: each["app"] or "-",
        "RESOURCE": lambda each: each["resource"],
    },
    parent="Communication Services resource",
    example="newsletter-login",
    prose="SMTP user name",
)

smtp_username = object_group(KIND)


@smtp_username.command()
@click.argument("name")
@click.option("--username", required=True, help="The login name: any text, or an address.")
@click.option(
    "--app",
    default="",
    metavar="APP",
    help="Application, by name or id; default: the only one.",
)
@parent_option("Communication Services resource")
@click.option("--tenant", default="", metavar="TENANT", help="Default: the application's own.")
@options
def create(data: Path, as_json: bool, **fields: Any) -> None:
    """Create an SMTP user name. The application must already have a role on the resource.

    \b
    Example:
      gatepost smtp-username create newsletter-login --username newsletter --app billing
    """
    print_result(call_directory(data, "smtp-username create", fields), as_json)
