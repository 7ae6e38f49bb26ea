"""``gatepost outcome``: scripts the delivery outcomes of captured mail."""

from pathlib import Path

import click

from gatepost.cli.call_relay import Document, call_events
from gatepost.cli.command_group import Group
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows
from gatepost.model.unprintable import replace_unprintable


@click.group(cls=Group)
def outcome() -> None:
    """Set the delivery outcome of mail for an address or a domain. Default: Delivered.

    \b
    Example:
      gatepost outcome set ann@example.net --status Bounced
      gatepost outcome list
    """


@outcome.command("set")
@click.argument("target", metavar="ADDRESS|@DOMAIN")
@click.option("--status", default="", help="Delivered, Expanded, Bounced, Suppressed, ...")
@click.option("--code", default="", metavar="REPLY", help="The reply of the recipient's server.")
@click.option("--delay", type=float, default=0.0, metavar="S", help="Seconds until the report.")
@options
def set_(target: str, status: str, code: str, delay: float, data: Path, as_json: bool) -> None:
    """Set the outcome of mail accepted from now on. Without --status, it follows from --code.

    \b
    Example:
      gatepost outcome set ann@example.net --status Bounced
      gatepost outcome set @example.org --code '452 4.2.2 Mailbox full' --delay 2
    """
    fields = {"target": target, "status": status, "code": code, "delay": delay}
    document = call_events(data, "outcome_set", fields)
    print_result(document, as_json, lambda _: click.echo(_sentence(document)))


@outcome.command("list")
@options
def list_(data: Path, as_json: bool) -> None:
    """List the outcomes that were set.

    \b
    Example:
      gatepost outcome list --json
    """
    document = call_events(data, "outcome_list", {})
    print_result(document, as_json, _print)


@outcome.command()
@click.argument("target", metavar="ADDRESS|@DOMAIN")
@options
def delete(target: str, data: Path, as_json: bool) -> None:
    """Remove the outcome set for an address or a domain.

    \b
    Example:
      gatepost outcome delete ann@example.net
    """
    document = call_events(data, "outcome_delete", {"name": target})
    sentence = f"deleted: {_sentence(document['deleted'])}"
    print_result(document, as_json, lambda _: click.echo(sentence))


def _sentence(rule: Document) -> str:
    delay = f", after {rule['delay']:g} s" if rule["delay"] else ""
    return replace_unprintable(f"{rule['target']} is {rule['status']}: {rule['message']}{delay}")


def _print(document: Document) -> None:
    rows = [
        (rule["target"], rule["status"], rule["message"], f"{rule['delay']:g}")
        for rule in document["outcomes"]
    ]
    print_rows(
        ("TARGET", "STATUS", "MESSAGE", "DELAY"),
        rows,
        whole=("TARGET",),
        otherwise="no outcomes are set: all mail is delivered",
    )
