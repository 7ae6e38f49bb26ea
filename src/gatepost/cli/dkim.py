"""``gatepost dkim``: keys that sign mail, and the records that publish them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatepost.cli.command_group import Group
from gatepost.cli.output import FAILED, OK, CommandFailed, print_json, print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows

if TYPE_CHECKING:
    from gatepost.keys.dkim_keys import KeyFile

Document = dict[str, Any]
_PUBLISHED = "published"


@click.group(cls=Group)
def dkim() -> None:
    """Make the keys that sign mail (DKIM, RFC 6376), and show the records to publish.

    \b
    Example:
      gatepost dkim new contoso.com
    """


def dns_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--dns`` and ``--nameserver``."""
    ask = click.option("--dns", "by_dns", is_flag=True, help="Look the records up in the DNS, too.")
    servers = click.option(
        "--nameserver",
        "nameservers",
        multiple=True,
        metavar="ADDRESS[:PORT]",
        help="Ask this one (repeatable); default: the system's.",
    )
    return ask(servers(command))


@dkim.command()
@click.argument("domain")
@click.option("--selector", help="Its name in the domain; default: the algorithm and the date.")
@click.option(
    "--algorithm",
    type=click.Choice(["rsa", "ed25519"]),
    default="rsa",
    show_default=True,
    help="Everybody verifies rsa (2048 bits); ed25519 is short and quick, but less known.",
)
@options
def new(domain: str, selector: str | None, algorithm: str, data: Path, as_json: bool) -> None:
    """Make a key for a domain, and print the record to publish.

    The key is in DIR/dkim/DOMAIN/SELECTOR.pem, and only its owner can read it. The relay signs
    with it when its configuration names it, and the record is published.

    \b
    Example:
      gatepost dkim new contoso.com --selector spring
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - not for --help

    from gatepost.config import dkim as names  # noqa: PLC0415
    from gatepost.errors import ConfigError  # noqa: PLC0415
    from gatepost.keys.dkim_keys import create_key  # noqa: PLC0415

    given = selector or f"{algorithm}-{datetime.now(UTC):%Y%m%d}"
    try:
        name, chosen = names.domain(domain), names.selector(given)
    except ValueError as error:
        raise click.UsageError(f"{domain}, {given}: {error}") from None
    try:
        made = create_key(data, name, chosen, "rsa" if algorithm == "rsa" else "ed25519")
    except ConfigError as error:
        raise CommandFailed.by(error) from None
    except OSError as error:
        raise CommandFailed(f"the key cannot be saved: {error}") from None
    print_result(_document(made), as_json, _tell)


@dkim.command("list")
@dns_options
@options
def list_(by_dns: bool, nameservers: tuple[str, ...], data: Path, as_json: bool) -> int:
    """List the keys of a relay.

    Exit: 0, or 1 if a key cannot be used, or is looked up and not published.

    \b
    Example:
      gatepost dkim list --dns
    """
    documents = _documents(_read(data), (by_dns, nameservers))
    if as_json:
        print_json({"keys": documents})
    else:
        print_rows(
            ("DOMAIN", "SELECTOR", "ALGORITHM", "STATE"),
            [_row(each) for each in documents],
            whole=("DOMAIN", "SELECTOR"),
            otherwise="there is no key; `gatepost dkim new DOMAIN` makes one",
        )
    return OK if all(_is_good(each) for each in documents) else FAILED


@dkim.command()
@click.argument("domain")
@click.argument("selector", required=False)
@dns_options
@options
def show(
    domain: str,
    selector: str | None,
    by_dns: bool,
    nameservers: tuple[str, ...],
    data: Path,
    as_json: bool,
) -> int:
    """Show the record of each key of a domain, or of one.

    Exit: 0, or 1 if a key cannot be used, or is looked up and not published.

    \b
    Example:
      gatepost dkim show contoso.com
    """
    from gatepost.model.idn import fold_domain  # noqa: PLC0415

    wanted = fold_domain(domain), None if selector is None else fold_domain(selector)
    files = [
        each
        for each in _read(data)
        if each.domain == wanted[0] and wanted[1] in (None, each.selector)
    ]
    if not files:
        what = f"there is no key {selector} of {domain}" if selector else f"{domain} has no key"
        raise CommandFailed(what, code="NotFound")
    documents = _documents(files, (by_dns, nameservers))
    if as_json:
        print_json({"keys": documents})
    else:
        for each in documents:
            _tell(each)
    return OK if all(_is_good(each) for each in documents) else FAILED


def _read(data: Path) -> "list[KeyFile]":
    from gatepost.keys.dkim_keys import read_keys  # noqa: PLC0415

    try:
        return read_keys(data)
    except OSError as error:
        raise CommandFailed(f"the keys cannot be read: {error}") from None


def _document(each: "KeyFile") -> Document:
    from gatepost.dkim.records import record_text, zone_line  # noqa: PLC0415

    key = each.key
    return {
        "domain": each.domain,
        "selector": each.selector,
        "algorithm": None if key is None else key.algorithm,
        "file": str(each.path),
        "name": f"{each.selector}._domainkey.{each.domain}",
        "record": None if key is None else record_text(key),
        "zone": None if key is None else zone_line(key),
        "fault": each.fault,
        "dns": None,
    }


def _documents(files: "list[KeyFile]", dns: tuple[bool, tuple[str, ...]]) -> list[Document]:
    """``dns``: whether to look the records up, and where."""
    by_dns, nameservers = dns
    if by_dns or nameservers:
        return _looked_up(files, nameservers)
    return [_document(each) for each in files]


def _looked_up(files: "list[KeyFile]", nameservers: tuple[str, ...]) -> list[Document]:
    """Return the documents of some keys, each with what the DNS says of it."""
    import asyncio  # noqa: PLC0415

    from gatepost.dkim.records import find_fault  # noqa: PLC0415
    from gatepost.errors import ConfigError  # noqa: PLC0415
    from gatepost.net.dns import DnsResolver, parse_nameserver  # noqa: PLC0415

    try:
        resolver = DnsResolver([parse_nameserver(each) for each in nameservers])
    except ConfigError as error:
        raise click.UsageError(str(error)) from None

    async def ask(each: "KeyFile") -> Document:
        document = _document(each)
        if each.key is not None:
            answer = await resolver.txt(each.key.name)
            fault = find_fault(answer.records, each.key) if answer.records else answer.reason
            document["dns"] = fault or _PUBLISHED
        return document

    async def ask_all() -> list[Document]:
        return list(await asyncio.gather(*[ask(each) for each in files]))

    return asyncio.run(ask_all())


def _is_good(document: Document) -> bool:
    return not document["fault"] and document["dns"] in (None, _PUBLISHED)


def _row(document: Document) -> tuple[str, str, str, str]:
    state = document["fault"] or document["dns"] or ""
    return document["domain"], document["selector"], document["algorithm"] or "-", state


def _tell(document: Document) -> None:
    click.echo(f"Key: {document['file']}")
    if document["fault"]:
        click.echo(f"It cannot be used: {document['fault']}")
        return
    click.echo("\nThe record to publish, as a line of a zone file:")
    click.echo(f"  {document['zone']}")
    click.echo("\nThe same as the name and the text of a TXT record:")
    click.echo(f"  {document['name']}")
    click.echo(f"  {document['record']}")
    if document["dns"]:
        click.echo(f"\nIn the DNS: {document['dns']}")
    click.echo("\nIn the configuration of the relay:")
    click.echo("  [[dkim.key]]")
    click.echo(f'  domain = "{document["domain"]}"')
    click.echo(f'  selector = "{document["selector"]}"')
