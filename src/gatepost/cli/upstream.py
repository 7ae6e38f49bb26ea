"""``gatepost upstream``: where a relay's mail goes, whether it can, and checks of the servers."""

import time
from functools import partial
from pathlib import Path

import click

from gatepost.cli.call_relay import Document, call_upstreams
from gatepost.cli.command_group import Group
from gatepost.cli.durations import span
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_rows
from gatepost.model.unprintable import replace_unprintable

_options = partial(options, of_relay=True)
_PATIENCE = 300.0
"""Seconds to wait for a check, which has limits of its own."""


@click.group(cls=Group)
def upstream() -> None:
    """Show where a running relay sends mail, whether it can, and check the servers.

    \b
    Example:
      gatepost upstream list
      gatepost upstream probe hub
    """


@upstream.command("list")
@_options
def list_(data: Path, as_json: bool) -> None:
    """List the targets of mail with their login, connections, pauses and certificates.

    \b
    Example:
      gatepost upstream list --json
    """
    print_result(call_upstreams(data, "list", {}), as_json, _print_list)


@upstream.command()
@click.argument("name")
@_options
def retry(name: str, data: Path, as_json: bool) -> None:
    """End the pauses of a target, and try now what waits for it. Use it after a problem is solved.

    \b
    Example:
      gatepost upstream retry hub
    """
    document = call_upstreams(data, "retry", {"name": name})
    print_result(document, as_json, lambda _: click.echo(f"{document['retried']} retried"))


@upstream.command()
@click.argument("name")
@click.option("--server", default="", metavar="HOST:PORT", help="Which server; default: the first.")
@_options
def probe(name: str, server: str, data: Path, as_json: bool) -> None:
    """Let the relay check a server of a target, as it would connect, but without a login.

    \b
    Example:
      gatepost upstream probe hub
    """
    job = call_upstreams(data, "probe", {"name": name, "server": server})
    end = time.monotonic() + _PATIENCE
    while job["state"] == "running" and time.monotonic() < end:
        time.sleep(0.2)
        job = call_upstreams(data, "job", {"id": job["id"]})
    print_result(job, as_json, _print_job)


def _print_list(document: Document) -> None:
    rows = [
        (
            each["name"], each["kind"], each["state"],
            f"{each['connections']}/{each['most_connections']}", _login(each), _days(each),
            each["pause"]["reason"] if each["pause"] else "",
        )
        for each in document["upstreams"]
    ]  # fmt: skip
    titles = ("NAME", "KIND", "STATE", "IN USE", "LOGIN", "CERTIFICATE", "PAUSE")
    print_rows(titles, rows, whole=titles[:3], otherwise="no mail is delivered")


def _login(upstream: Document) -> str:
    login = upstream["login"]
    if login is None:
        return "-"
    until = f" for {span(login['seconds'])}" if login["seconds"] >= 1 else ""
    reason = f": {login['reason']}" if login["reason"] else ""
    return f"{login['state']}{until}{reason}"


def _days(upstream: Document) -> str:
    days = [each["days"] for each in upstream["certificates"] if each["days"] is not None]
    return f"{min(days)} days" if days else "-"


def _print_job(job: Document) -> None:
    click.echo(replace_unprintable(f"{job['host']}: {job['error'] or job['state']}"))
    for each in job["report"]["findings"] if job["report"] else ():
        click.echo(replace_unprintable(f"  {each['confidence']}: {each['summary']} ({each['id']})"))
        click.echo(replace_unprintable(f"    {each['fix']}"))
