"""``gatepost resource``: what mail is sent through, and what holds it."""

from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import Document, call_directory
from gatepost.cli.directory.objects import (
    ObjectKind,
    object_group,
    parent_option,
    print_deleted,
    print_listing,
)
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options

KINDS: Final = ("communication", "email", "group", "subscription")
"""The same as in ``control.administration.entry_lookup``, which takes longer to load."""


def _holder(each: Document) -> str:
    for key in ("group", "subscription_id", "tenant_id"):
        if key in each and (key != "subscription_id" or each["kind"] == "group"):
            return str(each[key])
    return "-"


def _holds(each: Document) -> str:
    return ", ".join(each.get("linked_domains") or each.get("domains") or ["-"])


KIND: Final = ObjectKind(
    "resource",
    "resources",
    "Communication Services resources, Email services, groups and subscriptions.",
    {
        "KIND": lambda each: each["kind"],
        "NAME": lambda each: each["name"],
        "IN": _holder,
        "DOMAINS": _holds,
    },
    parent="subscription or group",
    whole=("KIND",),
    example="gatepost",
)

resource = object_group(KIND)
_kind = click.option("--kind", type=click.Choice(KINDS), help="Only resources of this kind.")


@resource.command("list")
@parent_option("group, subscription or tenant", default="all")
@_kind
@options
def list_(data: Path, as_json: bool, **fields: Any) -> None:
    """List resources, groups and subscriptions.

    \b
    Example:
      gatepost resource list --kind communication
    """
    document = call_directory(data, "resource list", fields)
    print_result(document, as_json, lambda document: print_listing(KIND, document["resources"]))


@resource.command()
@click.argument("name", metavar="NAME|ID")
@_kind
@options
def show(data: Path, as_json: bool, **fields: Any) -> None:
    """Show one object. A resource takes precedence over a group or subscription of the same name.

    \b
    Example:
      gatepost resource show gatepost --kind group
    """
    print_result(call_directory(data, "resource show", fields), as_json)


@resource.command()
@click.argument("name", metavar="NAME|ID")
@_kind
@options
def delete(data: Path, as_json: bool, **fields: Any) -> None:
    """Delete one resource with everything in it, and print what was deleted.

    \b
    Example:
      gatepost resource delete newsletter
    """
    deleted = call_directory(data, "resource delete", fields)
    kind = deleted["deleted"]["kind"]
    print_result(deleted, as_json, lambda document: print_deleted(kind, document))


@resource.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=KINDS[0],
    show_default=True,
    help="Kind of resource.",
)
@parent_option("group, subscription or tenant", default="the only one")
@click.option(
    "--link", "links", multiple=True, metavar="DOMAIN", help="Link this domain (repeatable)."
)
@click.option("--data-location", default="", metavar="PLACE", help="Default: United States.")
@click.option(
    "--location", default="", metavar="REGION", help="Location of a group; default: global."
)
@options
def create(data: Path, as_json: bool, **fields: Any) -> None:
    """Create a resource: one that applications sign in to (communication), one that has domains
    (email), a resource group, or a subscription.

    \b
    Example:
      gatepost resource create newsletter --link mail.contoso.localhost
    """
    print_result(call_directory(data, "resource create", fields), as_json)


@resource.command()
@click.argument("name", metavar="RESOURCE")
@click.argument("domain")
@options
def link(data: Path, as_json: bool, **fields: Any) -> None:
    """Link a verified domain to a resource, so that the resource may send from it.

    \b
    Example:
      gatepost resource link gatepost mail.contoso.localhost
    """
    print_result(call_directory(data, "resource link", fields), as_json)


@resource.command()
@click.argument("name", metavar="RESOURCE")
@click.argument("domain")
@options
def unlink(data: Path, as_json: bool, **fields: Any) -> None:
    """Unlink a domain: the next MAIL from it is refused (501 5.1.7).

    \b
    Example:
      gatepost resource unlink gatepost AzureManagedDomain
    """
    print_result(call_directory(data, "resource unlink", fields), as_json)


@resource.command()
@click.argument("name", metavar="[RESOURCE]", default="")
@click.option(
    "--regenerate",
    type=click.Choice(("primary", "secondary")),
    help="Replace this key; the old one is refused immediately.",
)
@options
def keys(data: Path, as_json: bool, **fields: Any) -> None:
    """Print the access keys and connection strings of a Communication Services resource.

    \b
    Example:
      gatepost resource keys gatepost --regenerate secondary
    """
    print_result(call_directory(data, "resource keys", fields), as_json)
