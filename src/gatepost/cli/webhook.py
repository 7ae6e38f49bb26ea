"""``gatepost webhook``: subscriptions to delivery reports."""

from pathlib import Path
from typing import TextIO

import click

from gatepost.cli.call_relay import Document, call_events
from gatepost.cli.command_group import Group
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_fields, print_rows
from gatepost.model.unprintable import replace_unprintable

_resource = click.option(
    "--resource",
    default="",
    metavar="NAME|ID",
    help="Only for this Communication Services resource.",
)


@click.group(cls=Group)
def webhook() -> None:
    """Have events sent to an HTTP endpoint, as Event Grid sends them.

    \b
    Example:
      gatepost webhook create http://127.0.0.1:8080/events
      gatepost webhook list
    """


@webhook.command()
@click.argument("url", required=False)
@click.option("--url-file", type=click.File(), help="Read the URL from a file; - is stdin.")
@click.option(
    "--name",
    default="",
    help="3 to 64 letters, digits and hyphens; default: webhook, webhook-2, ...",
)
@click.option(
    "--schema",
    type=click.Choice(["eventgrid", "cloudevents"]),
    default="eventgrid",
    show_default=True,
    help="Format of the events.",
)
@click.option(
    "--event-type", "event_types", multiple=True, metavar="TYPE", help="Repeatable; default: all."
)
@click.option(
    "--max-batch",
    type=int,
    default=1,
    show_default=True,
    help="Maximum number of events in a request.",
)
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    help="CA certificates (PEM) for the endpoint's certificate.",
)
@_resource
@options
def create(
    url: str | None,
    url_file: TextIO | None,
    name: str,
    schema: str,
    event_types: tuple[str, ...],
    max_batch: int,
    ca_file: str | None,
    resource: str,
    data: Path,
    as_json: bool,
) -> None:
    """Ask the endpoint for its consent, and then send it all further events.

    Use --url-file for a URL that contains a secret, because other users can see arguments.

    \b
    Example:
      gatepost webhook create http://127.0.0.1:8080/events --schema cloudevents
      gatepost webhook create --url-file url.txt --event-type EmailDeliveryReportReceived
    """
    if (url is None) == (url_file is None):
        raise click.UsageError("give either a URL or --url-file")
    fields = {
        "url": url if url_file is None else url_file.read().strip(),
        "name": name,
        "resource": resource,
        "schema": schema,
        "event_types": event_types,
        "max_batch": max_batch,
        "ca_file": ca_file or "",
    }
    print_result(call_events(data, "webhook_create", fields), as_json, _tell)


@webhook.command("list")
@options
def list_(data: Path, as_json: bool) -> None:
    """List the webhooks with the number of events that wait for each.

    \b
    Example:
      gatepost webhook list --json
    """
    print_result(call_events(data, "webhook_list", {}), as_json, _print)


@webhook.command()
@click.argument("name")
@_resource
@options
def show(name: str, resource: str, data: Path, as_json: bool) -> None:
    """Show one webhook and its dead letters (events that could not be delivered).

    \b
    Example:
      gatepost webhook show webhook
    """
    document = call_events(data, "webhook_show", {"name": name, "resource": resource})
    print_result(document, as_json, _show)


@webhook.command()
@click.argument("name")
@_resource
@options
def delete(name: str, resource: str, data: Path, as_json: bool) -> None:
    """Delete a webhook. Events that it has not received are discarded.

    \b
    Example:
      gatepost webhook delete webhook
    """
    document = call_events(data, "webhook_delete", {"name": name, "resource": resource})
    print_result(
        document,
        as_json,
        lambda _: click.echo(replace_unprintable(f"deleted {document['deleted']['name']}")),
    )


def _tell(document: Document) -> None:
    if document["state"] == "Succeeded":
        click.echo(replace_unprintable(f"{document['name']}: events go to {document['endpoint']}"))
    else:
        click.echo(
            replace_unprintable(
                f"{document['name']}: {document['endpoint']} has not confirmed yet. Open the "
                "validationUrl that was sent to it within ten minutes."
            )
        )


def _print(document: Document) -> None:
    rows = [
        (each["name"], each["state"], str(each["waiting"]), str(each["dead"]), each["endpoint"])
        for each in document["webhooks"]
    ]
    print_rows(
        ("NAME", "STATE", "WAITING", "DEAD", "ENDPOINT"),
        rows,
        whole=("NAME",),
        otherwise="no webhooks",
    )


def _show(document: Document) -> None:
    fields = (
        ("name", document["name"]),
        ("endpoint", document["endpoint"]),
        ("state", document["state"]),
        ("resource", document["resource"] or "all"),
        ("schema", document["schema"]),
        ("events", ", ".join(document["event_types"]) or "all"),
        ("waiting", str(document["waiting"])),
        ("failed", document["last_failure"] or "nothing"),
    )
    print_fields(fields)
    dead = document["dead_letters"]
    if dead:
        click.echo()
        rows = [
            (
                each["last_attempt_at"][:19].replace("T", " "),
                each["recipient"],
                each["status"],
                each["reason"],
                each["last_outcome"],
            )
            for each in dead
        ]
        print_rows(("GIVEN UP", "RECIPIENT", "STATUS", "REASON", "LAST ANSWER"), rows)
