"""``gatepost smtp-username``: login names that stand for an application."""

from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.noun import Noun, answer, ask, noun_group, options, within

NOUN: Final = Noun(
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
)

smtp_username = noun_group(NOUN)


@smtp_username.command()
@click.argument("name")
@click.option("--username", required=True, help="The login name: any text, or an address.")
@click.option(
    "--app",
    default="",
    metavar="APP",
    help="Application, by name or id; default: the only one.",
)
@within("Communication Services resource")
@click.option("--tenant", default="", metavar="TENANT", help="Default: the application's own.")
@options
def create(data: Path, as_json: bool, **fields: Any) -> None:
    """Create an SMTP user name. The application must already have a role on the resource.

    \b
    Example:
      gatepost smtp-username create newsletter-login --username newsletter --app billing
    """
    answer(ask(data, "smtp-username create", fields), as_json)
