"""``gatepost domain``: domains that an Email service sends from."""

from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import Document, call_directory
from gatepost.cli.directory.objects import ObjectKind, object_group, parent_option
from gatepost.cli.output import FAILED, OK, print_document, print_result
from gatepost.cli.store_options import options

PROOFS: Final = ("Domain", "SPF", "DKIM", "DKIM2", "DMARC")


def _verified(each: Document) -> str:
    proven = [proof for proof, status in each["verification"].items() if status == "Verified"]
    return "yes" if len(proven) == len(each["verification"]) else ", ".join(proven) or "no"


KIND: Final = ObjectKind(
    "domain",
    "domains",
    "Domains of an Email service: verified domains of a customer, or Azure's own.",
    {
        "DOMAIN": lambda each: each["domain"],
        "OWNER": lambda each: "Azure" if each["management"] == "AzureManaged" else "customer",
        "VERIFIED": _verified,
        "LINKED TO": lambda each: ", ".join(each["linked_to"]) or "-",
    },
    parent="Email service",
    whole=("OWNER",),
    example="mail.contoso.localhost",
)


def _tell(document: Document) -> None:
    records = document.pop("records")
    if records:
        del document["verification"]
    print_document(document)
    for each in records:
        click.echo(f"\n{each['proof']}: {each['status']}")
        click.echo(f"  {each['host']} {each['ttl']} IN {each['type']}")
        click.echo(f"  {each['value']}")
        if each["error"]:
            click.echo(f"  {each['error']}")


domain = object_group(KIND, _tell)


@domain.command()
@click.argument("name", metavar="[DOMAIN]", default="")
@parent_option("Email service")
@click.option(
    "--managed",
    is_flag=True,
    help="An Azure-managed domain, which needs no name and no verification.",
)
@options
def create(data: Path, as_json: bool, **fields: Any) -> None:
    """Add a domain, and print the DNS records that verify it.

    \b
    Example:
      gatepost domain create mail.contoso.localhost
    """
    if not fields["name"] and not fields["managed"]:
        raise click.UsageError("give the domain's name, or --managed")
    print_result(call_directory(data, "domain create", fields), as_json, _tell)


@domain.command()
@click.argument("name", metavar="DOMAIN|ID")
@click.argument(
    "proofs", nargs=-1, metavar="[PROOF...]", type=click.Choice(PROOFS, case_sensitive=False)
)
@parent_option("Email service", default="any")
@click.option("--by-hand", is_flag=True, help="Mark it as verified without asking the DNS.")
@click.option("--dns", "by_dns", is_flag=True, help="Query the DNS, whatever the profile says.")
@options
def verify(data: Path, as_json: bool, **fields: Any) -> int:
    """Verify a domain by all its records, or by some of Domain SPF DKIM DKIM2 DMARC.

    The profile's ``directory.domain_verification`` says how: automatically, by DNS queries, or by
    hand. Exit: 0 if all these records are verified, 1 if not. If none are named, DMARC is optional.

    \b
    Example:
      gatepost domain verify mail.contoso.localhost --by-hand
    """
    if fields["by_hand"] and fields["by_dns"]:
        raise click.UsageError("--by-hand and --dns cannot be used together")
    document = call_directory(data, "domain verify", fields)
    print_result(dict(document), as_json, _tell)
    return OK if document["proven"] else FAILED
