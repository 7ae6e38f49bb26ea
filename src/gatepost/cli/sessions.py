"""``gatepost sessions``: what clients and the relay said, and why logins were refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gatepost.cli.call_relay import Document, call_sessions, follow_sessions
from gatepost.cli.command_group import Group
from gatepost.cli.output import print_json_line, print_result
from gatepost.cli.store_options import Command, options
from gatepost.cli.tables import print_fields, print_rows
from gatepost.model.unprintable import replace_unprintable as safe

LIMIT, MOST = 50, 500
_TITLES = ("ID", "TIME (UTC)", "PEER", "WHO", "MECHANISM", "RESULT", "REASON")
_OPEN = "open"


@click.group(cls=Group)
def sessions() -> None:
    """Show the SMTP sessions of a running relay, also those that it refused.

    The last 1,000 are kept in memory, without secrets and without the content of messages.
    `gatepost up` records them; a relay with a configuration does if it has record = true in
    [sessions].

    \b
    Example:
      gatepost sessions list --refused
      gatepost sessions show last
      gatepost sessions follow
    """


def _filters(command: Command) -> Command:
    for option in (
        click.option("--message", default="", metavar="ID", help="Only that of this message."),
        click.option("--peer", default="", metavar="ADDRESS", help="Only those from this address."),
        click.option(
            "--app", default="", metavar="NAME|ID", help="Only those of this application or login."
        ),
        click.option("--refused", is_flag=True, help="Only those that ended with a refusal."),
    ):
        command = option(command)
    return command


@sessions.command("list")
@_filters
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    default=LIMIT,
    show_default=True,
    help="Maximum number of sessions.",
)
@options
def list_(limit: int, data: Path, as_json: bool, **filters: Any) -> None:
    """List sessions, newest first; those that are open now, too.

    \b
    Example:
      gatepost sessions list --refused --json
    """
    document = call_sessions(data, "list", {**filters, "limit": limit})
    print_result(document, as_json, _print_list)


@sessions.command()
@click.argument("id_", metavar="ID|last")
@options
def show(id_: str, data: Path, as_json: bool) -> None:
    """Show one session: its transcript and, if it was refused, the cause and the fix.

    \b
    Example:
      gatepost sessions show last
    """
    print_result(call_sessions(data, "show", {"id": id_}), as_json, _print_session)


@sessions.command()
@_filters
@options
def follow(data: Path, as_json: bool, **filters: Any) -> None:
    """Print each session as soon as it has ended, until Ctrl-C. With --json, one object per line.

    \b
    Example:
      gatepost sessions follow --refused
    """
    for document in follow_sessions(data, filters):
        if as_json:
            print_json_line(document)
        else:
            click.echo(safe("  ".join(filter(None, _row(document)))))


def _print_list(document: Document) -> None:
    rows = [_row(each) for each in document["sessions"]]
    whole = ("ID", "TIME (UTC)", "RESULT")
    print_rows(_TITLES, rows, whole, spare=("MECHANISM",), otherwise="no sessions")
    if document["cursor"]:
        click.echo("... and more; see --limit")
    if document["dropped"]:
        click.echo(f"{document['dropped']} sessions of busy front processes were not recorded")


def _row(session: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        session["id"],
        session["at"][:19].replace("T", " "),
        session["peer"],
        session["application"] or session["username"] or "-",
        session["mechanism"] or "-",
        session["result"] or _OPEN,
        session["reason"] or "",
    )


def _print_session(session: Document) -> None:
    seconds = session["seconds"]
    fields = (
        ("id", session["id"]),
        ("began", session["at"].replace("T", " ").replace("Z", " UTC")),
        ("lasted", _OPEN if seconds is None else f"{seconds:g} s"),
        ("peer", session["peer"]),
        ("listener", session["listener"] or "-"),
        ("TLS", session["tls"] or "none"),
        ("signed in", _login(session)),
        ("messages", ", ".join(session["messages"]) or "none"),
        ("result", session["result"] or _OPEN),
    )
    print_fields(fields)
    _print_cause(session)
    click.echo()
    for line in session["lines"]:
        click.echo(safe(_line(line)))
    if session["left_out"]:
        click.echo(f"{session['left_out']} lines in the middle were not kept.")


def _login(session: Document) -> str:
    if not session["mechanism"]:
        return "no login"
    return f"{session['username'] or 'nobody'} by {session['mechanism']}"


def _print_cause(session: Document) -> None:
    if not session["reason"]:
        return
    print_fields([("reason", session["reason"])])
    if session["cause"]:
        print_fields([("cause", f"{session['cause']} (gatepost doctor --explain ...)")])
    if session["fix"]:
        print_fields([("fix", session["fix"])])
    if session["libraries"]:
        print_fields([("client", f"like {' or '.join(session['libraries'])}")])
    for remedy in session["remedies"]:
        click.echo(safe(f"       in  {remedy['library']}: {remedy['text']}"))
        for line in (remedy["code"] or "").expandtabs(4).splitlines():
            click.echo(f"           {safe(line)}".rstrip())


def _line(line: Mapping[str, Any]) -> str:
    time = line["at"][11:23]
    if line["from"] == "*":
        facts = [f"{line[key]} {key}" for key in ("seconds", "octets") if line.get(key)]
        return f"{time}  *  [{' '.join((line['event'], *facts))}]{_rule(line)}"
    lock = "+" if line["tls"] else " "
    return f"{time} {lock}{line['from']}: {line['text']}{_rule(line)}"


def _rule(line: Mapping[str, Any]) -> str:
    if "injected" not in line:
        return ""
    instead = f", instead of {line['instead_of']}" if line.get("instead_of") else ""
    return f"  <- rule {line['injected']['rule']}{instead}"
