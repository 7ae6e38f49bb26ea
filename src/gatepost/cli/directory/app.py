"""``gatepost app``: applications that sign in."""

from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import Document, call_directory
from gatepost.cli.directory.objects import ObjectKind, object_group, parent_option, print_listing
from gatepost.cli.directory.secret import KIND as SECRETS
from gatepost.cli.output import print_document, print_result
from gatepost.cli.store_options import options

KIND: Final = ObjectKind(
    "app",
    "apps",
    "Applications (app registrations): they sign in with a secret, and send if a role permits it.",
    {
        "NAME": lambda each: each["name"],
        "CLIENT ID": lambda each: each["id"],
        "SECRETS": lambda each: str(each["secrets"]),
        "PRINCIPAL": lambda each: "yes" if each["service_principal_id"] else "none",
    },
    parent="tenant",
    whole=("CLIENT ID",),
    example="billing",
    prose="application",
)


def _tell(document: Document) -> None:
    secrets = document.pop("secrets")
    print_document(document)
    click.echo()
    print_listing(SECRETS, secrets)


app = object_group(KIND, _tell)


@app.command()
@click.argument("name")
@parent_option("tenant")
@click.option("--multitenant", is_flag=True, help="Other tenants can use it, too.")
@click.option(
    "--redirect-uri",
    "redirect_uris",
    multiple=True,
    metavar="URL",
    help="Where people are sent who have signed in to it; repeatable. Without one: anywhere on "
    "this machine.",
)
@click.option(
    "--no-service-principal",
    "service_principal",
    flag_value=False,
    default=True,
    type=bool,
    show_default=False,
    help="Do not create the service principal, to which roles are assigned.",
)
@options
def create(data: Path, as_json: bool, **fields: Any) -> None:
    """Register an application, with a service principal as the portal does.

    It can sign in once it has a secret and a role: see ``gatepost secret create`` and
    ``gatepost role assign``.

    \b
    Example:
      gatepost app create billing
    """
    print_result(call_directory(data, "app create", fields), as_json)
