"""``gatepost queue``: shows queued mail and why it waits, and holds, retries or drops it."""

import getpass
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import Document, call_queue
from gatepost.cli.command_group import Group
from gatepost.cli.durations import Lifetime, span
from gatepost.cli.output import CommandFailed, print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_fields, print_rows, several
from gatepost.model.unprintable import replace_unprintable

LIMIT, MOST = 500, 10_000
_TITLES = ("ID", "STATE", "AGE", "FROM", "TO", "NEXT HOP", "TARGET", "NEXT TRY", "LAST REPLY")
_KINDS = ("target", "next-hop", "sender-domain", "recipient-domain", "cause")
_STATES = ("waiting", "leased", "held", "settled")


_options = partial(options, of_relay=True)
_PATTERN: Final = "an address, @domain, or either with * for any characters"
_SELECTORS: Final = (
    click.option("--target", metavar="NAME", help="Last tried at this target; else first in line."),
    click.option("--next-hop", metavar="KEY", help="To this next hop, as `list` shows it."),
    click.option("--sender", metavar="PATTERN", help=f"From {_PATTERN}; <>: the null sender."),
    click.option("--recipient", metavar="PATTERN", help=f"To at least one of these: {_PATTERN}."),
    click.option("--older-than", type=Lifetime(), help="Accepted at least so long ago: 2h."),
    click.option("--newer-than", type=Lifetime(), help="Accepted at most so long ago: 30m."),
    click.option("--cause", metavar="FINDING", help="With this finding about the last attempt."),
)  # fmt: skip


def _selectors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select deliveries; all that are given must match."""
    for option in reversed(_SELECTORS):
        command = option(command)
    return command


def _chosen(values: Mapping[str, Any]) -> Document:
    return {name: value for name, value in values.items() if value is not None}


@click.group(cls=Group)
def queue() -> None:
    """Show and control mail that waits for delivery, whether or not the relay runs.

    ID is the id of a message, or of one of its deliveries (the message's id, a dot, a number).

    \b
    Example:
      gatepost queue list
      gatepost queue why 7-41
    """


@queue.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice(_STATES),
    multiple=True,
    help="Only deliveries in this state. Repeatable.",
)
@_selectors
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=LIMIT,
    show_default=True,
    help=f"Maximum number of deliveries; up to {MOST:,}.",
)
@_options
def list_(states: tuple[str, ...], limit: int, data: Path, as_json: bool, **selectors: Any) -> None:
    """List deliveries that are not settled, newest message first.

    \b
    Example:
      gatepost queue list --state held --json
      gatepost queue list --recipient @example.net --older-than 2h
    """
    fields = {"states": states, "limit": limit, **_chosen(selectors)}
    document = call_queue(data, "list", fields)
    print_result(document, as_json, lambda _: _print_list(document, data))


@queue.command()
@click.option(
    "--by", type=click.Choice(_KINDS), default=_KINDS[0], show_default=True, help="What a row is."
)
@click.option(
    "--state",
    "states",
    type=click.Choice(_STATES),
    multiple=True,
    help="Only deliveries in this state. Repeatable.",
)
@_selectors
@click.option(
    "--rows", type=click.IntRange(1, 1000), default=20, show_default=True, help="Rows at most."
)
@_options
def ages(
    by: str, states: tuple[str, ...], rows: int, data: Path, as_json: bool, **selectors: Any
) -> None:
    """Count deliveries by age: how many wait for how many minutes, in rows by target.

    \b
    Example:
      gatepost queue ages --by recipient-domain
    """
    fields = {"by": by, "states": states, "rows": rows, **_chosen(selectors)}
    document = call_queue(data, "ages", fields)
    print_result(document, as_json, lambda _: _print_ages(document))


@queue.command()
@click.argument("id_", metavar="ID")
@_options
def show(id_: str, data: Path, as_json: bool) -> None:
    """Show the deliveries of a message, with recipients and last attempts.

    \b
    Example:
      gatepost queue show 7-41
    """
    print_result(call_queue(data, "show", {"id": id_}), as_json, _print_message)


@queue.command()
@click.argument("id_", metavar="ID")
@_options
def why(id_: str, data: Path, as_json: bool) -> None:
    """Explain in a sentence why a message still waits, and show the last replies.

    \b
    Example:
      gatepost queue why 7-41
    """
    print_result(call_queue(data, "why", {"id": id_}), as_json, _print_why)


def _add_action(action: str, about: str, state: str, example: str) -> None:
    """Add a command that acts on deliveries: by ids, what selectors select, or all in a state."""
    note = "Options that select deliveries must all match."
    text = f"{about} {note}\n\n\b\nExample:\n  gatepost queue {action} {example}"
    undo = _UNDO.get(action, lambda command: command)

    @queue.command(action, help=text)
    @click.argument("ids", metavar="[ID]...", nargs=-1)
    @click.option("--all", "everything", is_flag=True, help=f"All {state} deliveries.")
    @_selectors
    @click.option("--dry-run", is_flag=True, help="Only show how many there are, and some.")
    @undo
    @_options
    def act(
        ids: tuple[str, ...],
        everything: bool,
        dry_run: bool,
        data: Path,
        as_json: bool,
        **other: Any,
    ) -> None:
        undo: Document = {name: other.pop(name) for name in ("undo", "undoable") if name in other}
        chosen = _chosen(other)
        if sum((bool(ids), everything, bool(chosen), bool(undo.get("undo")))) != 1:
            raise click.UsageError("give either IDs, options that select deliveries, or --all")
        if dry_run and undo.get("undo"):
            raise click.UsageError("--undo has no --dry-run")
        fields: Document = {"ids": list(ids), "all": everything, "dry_run": dry_run, **undo}
        present = {name: value for name, value in fields.items() if value}
        _act(data, action, {**present, **chosen, "by": _operator()}, as_json=as_json)


_UNDO: Final[Mapping[str, Callable[[Any], Any]]] = {
    "hold": click.option(
        "--undoable", is_flag=True, help="Say with what --undo `release` undoes exactly this."
    ),
    "release": click.option(
        "--undo", default=None, metavar="NAME", help="What a hold --undoable has held."
    ),
}
"""How a hold is undone in the running relay."""

# fmt: off
_add_action("retry", "Try waiting mail now, and end the pause of its next hop. Use it after a "
            "problem is solved.", "waiting", "--all")
_add_action("hold", "Do not try mail until it is released; it does not expire meanwhile.",
            "waiting", "7-41")
_add_action("release", "Release mail that is held, and try it now.", "held", "7-41")
_add_action("drop", "Drop mail without notifying anybody. Mail that is being sent right now may "
            "still arrive.", "unsettled", "--recipient bob@example.net --dry-run")
# fmt: on


@queue.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--to", required=True, metavar="TARGET", help="A target of the configuration.")
@click.option("--all", "everything", is_flag=True, help="All unsettled deliveries.")
@_selectors
@click.option("--dry-run", is_flag=True, help="Only show how many there are, and some.")
@_options
def reroute(
    ids: tuple[str, ...], to: str, everything: bool, dry_run: bool, data: Path, as_json: bool,
    **selectors: Any,
) -> None:  # fmt: skip
    """Send waiting mail to another target. Held mail stays held; mail that is being sent now is
    moved if that fails. Options that select deliveries must all match.

    \b
    Example:
      gatepost queue reroute --target provider-a --to provider-b --dry-run
    """
    chosen = _chosen(selectors)
    if sum((bool(ids), everything, bool(chosen))) != 1:
        raise click.UsageError("give either IDs, options that select deliveries, or --all")
    fields: Document = {"ids": list(ids), "all": everything, "dry_run": dry_run}
    present = {name: value for name, value in fields.items() if value}
    done = call_queue(data, "reroute", {**present, **chosen, "to": to, "by": _operator()})
    if dry_run:
        print_result(done, as_json, lambda _: _print_sample(done))
        return
    left = (
        f", {done['under_way']} follow if they are not delivered now" if done["under_way"] else ""
    )
    print_result(done, as_json, lambda _: click.echo(f"{done['rerouted']} rerouted{left}"))


def _operator() -> str:
    """Return the name of who runs the command; empty if there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without it
        return ""


def _act(data: Path, action: str, fields: Document, *, as_json: bool) -> None:
    is_dry, is_by_id = fields.get("dry_run", False), "ids" in fields or "undo" in fields
    if not (is_dry or is_by_id or as_json):
        first = call_queue(data, action, {**fields, "dry_run": True})
        click.echo(f"{first['selected']:,} selected", err=True)
    done = call_queue(data, action, fields)
    if is_dry:
        print_result(done, as_json, lambda _: _print_sample(done))
        return
    word, number = next(iter(done.items()))
    if not number and "ids" in fields:
        reason = _reason(data, fields["ids"][0])
        raise CommandFailed(f"nothing was {word}: {reason}", "NothingToDo")
    others = f", {done['under_way']} were already in progress" if done.get("under_way") else ""
    undo = f"; undo: gatepost queue release --undo {done['undo']}" if "undo" in done else ""
    print_result(done, as_json, lambda _: click.echo(f"{number} {word}{others}{undo}"))


def _print_sample(document: Document) -> None:
    sample, selected = document["sample"], document["selected"]
    click.echo(f"{selected:,} selected; nothing was changed")
    rows = [
        (each["id"], _state(each), _to(each), each["next_hop"], each["target"] or "-")
        for each in sample
    ]
    if rows:
        print_rows(("ID", "STATE", "TO", "NEXT HOP", "TARGET"), rows, whole=("ID", "STATE"))
    if selected > len(sample):
        click.echo(f"... and {selected - len(sample):,} more")


def _reason(data: Path, id_: str) -> str:
    first = call_queue(data, "why", {"id": id_})["deliveries"][0]
    return f"{first['id']} is {first['state']}. {first['sentence']}"


def _print_list(document: Document, data: Path) -> None:
    deliveries = document["deliveries"]
    if not deliveries:
        click.echo(f"no mail is queued in {replace_unprintable(str(data))}{_only_captured(data)}")
        return
    now = datetime.now(UTC)
    rows = [
        (
            each["id"], _state(each), span(each["age"]), each["mail_from"] or "<>", _to(each),
            each["next_hop"], each["target"] or "-", _next(each, now), _last_attempt_text(each),
        )
        for each in deliveries
    ]  # fmt: skip
    print_rows(_TITLES, rows, whole=("ID", "STATE", "AGE", "NEXT TRY"), spare=("NEXT HOP",))
    if document["more"] != 0:
        more = "more" if document["more"] is None else f"{document['more']:,} more"
        click.echo(f"... and {more}; see --limit, at most {MOST:,}")


def _print_ages(document: Document) -> None:
    minutes = [f"{edge // 60}" for edge in document["edges"]]
    rows = [(str(each["key"] or "-"), each) for each in document["rows"]]
    if document["others"]["total"]:
        rows.append(("(others)", document["others"]))
    rows.append(("(total)", document["total"]))
    columns = ("T", *minutes, f"{minutes[-1]}+")
    cells = [
        (key, *[str(each) for each in (row["total"], *row["ages"])], *_oldest(row["oldest"]))
        for key, row in rows
    ]
    titles = (document["by"].replace("-", " ").upper(), *columns, "OLDEST", "ID")
    print_rows(titles, cells, whole=titles[1:])


def _oldest(oldest: Document | None) -> tuple[str, str]:
    return ("-", "-") if oldest is None else (span(oldest["age"]), oldest["id"])


def _only_captured(data: Path) -> str:
    """Return the end of a sentence if the directory is that of ``gatepost up``."""
    if not (data / "ca.pem").exists():
        return ""
    return (
        ": `gatepost up` captures all mail there (gatepost messages list); "
        "for a relay, give its configuration by --config"
    )


def _to(delivery: Mapping[str, Any]) -> str:
    recipients: list[str] = [
        each["address"] for each in delivery["recipients"] if each["fate"] == "waiting"
    ]
    recipients = recipients or [each["address"] for each in delivery["recipients"]]
    return several(recipients) or "-"  # they are damaged in the store


def _state(delivery: Mapping[str, Any]) -> str:
    """Return its state, with the node that has leased it if several share the store."""
    node = delivery.get("node")
    return f"{delivery['state']} by {node}" if node else str(delivery["state"])


def _next(delivery: Mapping[str, Any], now: datetime) -> str:
    """Return when a delivery is tried next, as far as it is known."""
    if delivery["next_attempt"] is None:
        return "now" if delivery["state"] == "leased" else "-"
    seconds = (datetime.fromisoformat(delivery["next_attempt"]) - now).total_seconds()
    return f"in {span(seconds)}" if seconds >= 1 else "now"


def _last_attempt_text(delivery: Mapping[str, Any]) -> str:
    last = delivery["last_attempt"]
    if last is None:
        return ""
    return _attempt_text(last)


def _reply(reply: Mapping[str, Any]) -> str:
    words = (str(reply["code"]), reply["status"] or "", reply["text"])
    return " ".join(each for each in words if each)


def _print_message(document: Document) -> None:
    fields = (
        ("id", document["id"]),
        ("received", _clock(document["received_at"])),
        ("from", f"<{document['mail_from']}>"),
        ("subject", document["subject"]),
        ("signed in", document["principal"] or "nobody"),
        ("size", f"{document['size']:,} octets"),
    )
    print_fields(fields)
    for delivery in document["deliveries"]:
        click.echo()
        click.echo(
            f"{delivery['id']}  {_state(delivery)}, by {replace_unprintable(delivery['next_hop'])}"
        )
        for each in delivery["recipients"]:
            reply = f": {_reply(each['reply'])}" if each["reply"] else ""
            click.echo(replace_unprintable(f"  <{each['address']}> {each['fate']}{reply}"))
        for each in delivery["history"]:
            click.echo(
                replace_unprintable(
                    f"  {_clock(each['at'])}  {_where(each)}: {_attempt_text(each)}"
                )
            )
        if delivery["next_attempt"]:
            click.echo(f"  next attempt {_clock(delivery['next_attempt'])}")
        if delivery.get("rerouted"):
            click.echo(replace_unprintable(f"  {_rerouted(delivery['rerouted'])}"))
        if delivery.get("taken_over"):
            click.echo(f"  {_taken_over(delivery['taken_over'])}")


def _taken_over(takeover: Mapping[str, Any]) -> str:
    before = f"from {takeover['from']}, dead at {_clock(takeover['at'])}"
    return f"taken over by {takeover['by']} {before}" if takeover["by"] else f"taken {before}"


def _rerouted(reroute: Mapping[str, Any]) -> str:
    by, at = reroute["by"] or "an operator", _clock(reroute["at"])
    return f"rerouted from {reroute['from']} to {reroute['to']} by {by} at {at}"


def _where(attempt: Mapping[str, Any]) -> str:
    host, address = attempt["host"] or attempt["target"], attempt["address"]
    return f"{host} ({address})" if address and address != host else host


def _attempt_text(attempt: Mapping[str, Any]) -> str:
    text = _reply(attempt["reply"]) if attempt["remote"] else attempt["reason"]
    times = f" ({attempt['times']} times)" if attempt["times"] > 1 else ""
    return f"{text or attempt['reply']['text']}{times}"


def _print_why(document: Document) -> None:
    deliveries = document["deliveries"]
    for each in deliveries:
        name = f"{each['id']}: " if len(deliveries) > 1 else ""
        click.echo(replace_unprintable(f"{name}{each['sentence']}"))
        if each["advice"]:
            page = f" (findings/{each['finding']})" if each["finding"] else ""
            click.echo(replace_unprintable(f"  The doctor says: {each['advice']}{page}"))
        for reply in each["replies"]:
            click.echo(replace_unprintable(f"  {reply}"))


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"
