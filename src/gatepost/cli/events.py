"""``gatepost events``: delivery and engagement reports."""

from pathlib import Path

import click

from gatepost.cli.call_relay import Document, call_events
from gatepost.cli.command_group import Group
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows
from gatepost.model.unprintable import replace_unprintable

LIMIT = 100


@click.group(cls=Group)
def events() -> None:
    """Show delivery reports and engagement events, and simulate that a message was read.

    \b
    Example:
      gatepost events list
      gatepost events simulate --message last --type view --recipient ann@example.net
    """


@events.command("list")
@click.option("--message", default="", metavar="ID|last", help="Only events of this message.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=LIMIT,
    show_default=True,
    help="Maximum number of events.",
)
@options
def list_(message: str, limit: int, data: Path, as_json: bool) -> None:
    """List events, newest first. Webhooks get the same events.

    \b
    Example:
      gatepost events list --message last --json
    """
    document = call_events(data, "events_list", {"message": message, "limit": limit})
    print_result(document, as_json, _print)


@events.command()
@click.option("--message", required=True, metavar="ID|last", help="The message.")
@click.option(
    "--type",
    "type_",
    type=click.Choice(["view", "click"]),
    required=True,
    help="What the recipient did.",
)
@click.option("--recipient", required=True, metavar="ADDRESS", help="The recipient.")
@click.option("--link", default="", metavar="URL", help="The link that was clicked.")
@click.option("--user-agent", default="", help="The recipient's mail program.")
@options
def simulate(
    message: str,
    type_: str,
    recipient: str,
    link: str,
    user_agent: str,
    data: Path,
    as_json: bool,
) -> None:
    """Simulate that a recipient opened a message, or followed a link in it.

    Works only if user engagement tracking is on, as with the provider.

    \b
    Example:
      gatepost events simulate --message last --type click --link https://example.net/ \\
        --recipient ann@example.net
    """
    fields = {
        "message": message,
        "type": type_,
        "recipient": recipient,
        "link": link,
        "user_agent": user_agent,
    }
    document = call_events(data, "events_simulate", fields)
    print_result(
        document,
        as_json,
        lambda _: click.echo(replace_unprintable(f"{document['recipient']}: {document['status']}")),
    )


@events.command()
@click.argument("id_", metavar="[ID]", default="")
@click.option("--message", default="", metavar="ID|last", help="All events of this message.")
@options
def resend(id_: str, message: str, data: Path, as_json: bool) -> None:
    """Send an event, or all of a message, again to the webhooks that want it.

    The event keeps its id, so that the receiver can recognise it.

    \b
    Example:
      gatepost events resend --message last
    """
    if bool(id_) == bool(message):
        raise click.UsageError("give either the ID of an event or --message")
    document = call_events(data, "events_resend", {"id": id_, "message": message})
    print_result(document, as_json, _print_resent)


def _print_resent(document: Document) -> None:
    names = ", ".join(document["webhooks"]) or "nobody: no webhook wants it"
    count = len(document["resent"])
    click.echo(replace_unprintable(f"{count} sent to {names}"))


def _print(document: Document) -> None:
    rows = [
        (
            each["time"][5:19].replace("T", " "),
            each["message"],
            each["recipient"],
            each["status"],
            _details(each),
        )
        for each in document["events"]
    ]
    titles = ("TIME (UTC)", "MESSAGE", "RECIPIENT", "STATUS", "DETAILS")
    print_rows(
        titles, rows, whole=(*titles[:2], "STATUS"), spare=("DETAILS",), otherwise="no events"
    )


def _details(event: Document) -> str:
    details = event["data"].get("deliveryStatusDetails")
    if details is not None:
        return str(details["statusMessage"])
    return str(event["data"]["engagementContext"])
