"""``gatepost failure``: scripts what a relay does to its clients."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import click

from gatepost.cli.call_relay import Document, call_failures
from gatepost.cli.command_group import Group
from gatepost.cli.output import CommandFailed, print_result
from gatepost.cli.store_options import options
from gatepost.cli.tables import print_fields, print_rows
from gatepost.model.unprintable import replace_unprintable

LIMIT = 100


def _lane(help_text: str) -> Callable[[Any], Any]:
    return click.option("--lane", default=None, metavar="NAME", help=help_text)


_rule_file = click.option(
    "--rule", "file", type=click.File(), help="Read the rule as JSON from a file; - is stdin."
)


@click.group(cls=Group)
def failure() -> None:
    """Script failures: what a relay does to its clients, by rules.

    A rule names a stage of the session, conditions, and what happens. It only makes things worse:
    it never grants a login, a sender or a recipient. Rules are forgotten when the relay stops,
    unless they are in a file (`gatepost up --failures FILE`).

    \b
    Example:
      gatepost failure add 'rcpt recipient=*@slow.test attempt=1-2 -> reply 451 4.7.1 Later'
      gatepost failure list
    """


@failure.command()
@click.argument("line", required=False)
@_rule_file
@click.option("--id", "id_", default="", metavar="ID", help="Its id; default: one is chosen.")
@_lane("Only for the sessions of this lane.")
@options
def add(
    line: str | None,
    file: TextIO | None,
    id_: str,
    lane: str | None,
    data: Path,
    as_json: bool,
) -> None:
    """Add a rule, given in one line: STAGE [KEY=VALUE ...] -> ACTION [; ACTION ...].

    \b
    Example:
      gatepost failure add 'mail -> quota 30/60s per=application ; reply 421 4.7.0 Too fast'
      gatepost failure add --id lost-250 'message times=1 -> keep ; close before'
    """
    document = call_failures(data, "add", _fields(line, file) | {"id": id_, "lane": lane})
    print_result(document, as_json, lambda _: _print_line(document))


@failure.command()
@click.argument("id_", metavar="ID")
@click.argument("line", required=False)
@_rule_file
@_lane("Of this lane.")
@options
def replace(
    id_: str, line: str | None, file: TextIO | None, lane: str | None, data: Path, as_json: bool
) -> None:
    """Replace a rule; its counters begin anew.

    \b
    Example:
      gatepost failure replace lost-250 'message times=2 -> keep ; close before'
    """
    fields = _fields(line, file) | {"id": id_, "lane": lane}
    document = call_failures(data, "replace", fields)
    print_result(document, as_json, lambda _: _print_line(document))


@failure.command()
@click.argument("line", required=False)
@_rule_file
@options
def check(line: str | None, file: TextIO | None, data: Path, as_json: bool) -> None:
    """Check a rule without adding it: print it as it would be asked, or all mistakes in it.

    \b
    Example:
      gatepost failure check 'rcpt -> reply 451 4.7.1 Try later'
    """
    document = call_failures(data, "check", _fields(line, file))
    print_result(document, as_json, _print_check)
    if document["mistakes"]:
        click.get_current_context().exit(1)


def _fields(line: str | None, file: TextIO | None) -> dict[str, Any]:
    """Return the rule of a command as the fields of its operation."""
    if (line is None) == (file is None):
        raise click.UsageError("give a LINE or --rule FILE")
    return {"line": line} if file is None else {"rule": _read(file)}


def _read(file: TextIO) -> Any:
    try:
        document = json.loads(file.read())
    except ValueError as error:
        raise CommandFailed(f"the rule is not JSON: {error}", "BadRequest") from None
    if not isinstance(document, dict):
        raise CommandFailed("the rule is not a JSON object", "BadRequest")
    return document


@failure.command("list")
@click.option("--unfired", is_flag=True, help="Only rules that have never fired, with the reason.")
@_lane("Only the rules of this lane.")
@options
def list_(unfired: bool, lane: str | None, data: Path, as_json: bool) -> None:
    """List the rules in the order in which they are asked, with their counters.

    \b
    Example:
      gatepost failure list --unfired
    """
    document = call_failures(data, "list", {"unfired": unfired, "lane": lane})
    print_result(document, as_json, _print_rules)


@failure.command()
@click.argument("id_", metavar="ID")
@_lane("Of this lane.")
@options
def show(id_: str, lane: str | None, data: Path, as_json: bool) -> None:
    """Show one rule.

    \b
    Example:
      gatepost failure show lost-250 --json
    """
    document = call_failures(data, "show", {"id": id_, "lane": lane})
    print_result(document, as_json, _print_rule)


@failure.command("fired")
@click.option("--rule", default="", metavar="ID", help="Only firings of this rule.")
@click.option(
    "--limit",
    type=click.IntRange(1, 500),
    default=LIMIT,
    show_default=True,
    help="Maximum number of firings, the newest.",
)
@_lane("Only firings of the rules of this lane.")
@options
def list_firings(rule: str, limit: int, lane: str | None, data: Path, as_json: bool) -> None:
    """List when rules fired, the newest last. The last 1000 are remembered.

    \b
    Example:
      gatepost failure fired --rule lost-250
    """
    document = call_failures(data, "fired", {"rule": rule, "limit": limit, "lane": lane})
    print_result(document, as_json, _print_fired)


@failure.command()
@click.argument("id_", metavar="ID", required=False)
@_lane("Of this lane.")
@options
def reset(id_: str | None, lane: str | None, data: Path, as_json: bool) -> None:
    """Clear the counters of a rule, or of all rules without a lane. Times such as +5s begin anew.

    \b
    Example:
      gatepost failure reset
    """
    document = call_failures(data, "reset", {"id": id_, "lane": lane})
    _print_count(document, "rules", "reset", as_json=as_json)


@failure.command()
@click.argument("id_", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="All rules without a lane, or of --lane.")
@_lane("Of this lane.")
@options
def pause(id_: str | None, everything: bool, lane: str | None, data: Path, as_json: bool) -> None:
    """Do not ask a rule, or all, until it is resumed. Its counters stay.

    \b
    Example:
      gatepost failure pause lost-250
      gatepost failure pause --all
    """
    document = _call_some(data, "pause", id_, lane, everything=everything)
    _print_count(document, "rules", "paused", as_json=as_json)


@failure.command()
@click.argument("id_", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="All rules without a lane, or of --lane.")
@_lane("Of this lane.")
@options
def resume(id_: str | None, everything: bool, lane: str | None, data: Path, as_json: bool) -> None:
    """Ask a rule that was paused, or all, again.

    \b
    Example:
      gatepost failure resume --all
    """
    document = _call_some(data, "resume", id_, lane, everything=everything)
    _print_count(document, "rules", "resumed", as_json=as_json)


@failure.command()
@click.argument("id_", metavar="ID")
@click.option("--before", default="", metavar="ID", help="This rule comes next; default: the last.")
@_lane("Of this lane.")
@options
def move(id_: str, before: str, lane: str | None, data: Path, as_json: bool) -> None:
    """Let a rule be asked right before another one, or after all others.

    It gets the order of that rule. The first rule that fires wins.

    \b
    Example:
      gatepost failure move lost-250 --before rcpt-1
    """
    document = call_failures(data, "move", {"id": id_, "before": before, "lane": lane})
    print_result(document, as_json, lambda _: _print_line(document))


@failure.command()
@click.argument("triggers", nargs=-1, metavar="[KIND=PERCENT[:CODE]]...")
@_lane("Of this lane.")
@options
def chaos(triggers: tuple[str, ...], lane: str | None, data: Path, as_json: bool) -> None:
    """Show or set Mailpit's chaos: refuse a share of senders, recipients or logins.

    \b
    Example:
      gatepost failure chaos
      gatepost failure chaos recipient=20 authentication=5:454
      gatepost failure chaos recipient=0
    """
    wanted = dict(map(_read_trigger, triggers))
    document = call_failures(data, "chaos", {"set": wanted, "lane": lane})
    print_result(document, as_json, _print_chaos)


def _read_trigger(text: str) -> tuple[str, dict[str, int]]:
    kind, _, value = text.partition("=")
    percent, _, code = value.partition(":")
    if not (percent.isascii() and percent.isdecimal() and (code or "0").isdecimal()):
        raise click.UsageError(f"{text!r} is not KIND=PERCENT or KIND=PERCENT:CODE")
    return kind, {"percent": int(percent), "code": int(code or 0)}


def _call_some(
    data: Path, operation: str, id_: str | None, lane: str | None, *, everything: bool
) -> Document:
    if (id_ is None) == (not everything):
        raise click.UsageError("give an ID or --all")
    return call_failures(data, operation, {"id": id_, "lane": lane})


def _print_count(document: Document, key: str, word: str, *, as_json: bool) -> None:
    count = len(document[key])
    print_result(document, as_json, lambda _: click.echo(f"{word}: {_counted(count)}"))


@failure.command()
@click.argument("id_", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="All rules without a lane, or of --lane.")
@_lane("Of this lane.")
@options
def delete(id_: str | None, everything: bool, lane: str | None, data: Path, as_json: bool) -> None:
    """Delete a rule, or all.

    \b
    Example:
      gatepost failure delete lost-250
    """
    document = _call_some(data, "delete", id_, lane, everything=everything)
    _print_count(document, "deleted", "deleted", as_json=as_json)


def _counted(count: int) -> str:
    return "1 rule" if count == 1 else f"{count} rules"


def _print_line(rule: Document) -> None:
    click.echo(replace_unprintable(f"{rule['id']}: {rule['line']}"))


def _print_rules(document: Document) -> None:
    rows = [
        (
            rule["id"],
            rule["lane"] or "",
            str(rule["order"]),
            str(rule["seen"]),
            str(rule["fired"]),
            f"(paused) {rule['line']}" if rule["paused"] else rule["line"],
        )
        for rule in document["rules"]
    ]
    titles = ("ID", "LANE", "ORDER", "SEEN", "FIRED", "RULE")
    print_rows(titles, rows, whole=titles[:-1], spare=("RULE",), otherwise="no rules")
    for rule in document["rules"]:
        if (nearest := rule["nearest"]) is not None and not rule["seen"]:
            where = f"session {nearest['session']} came nearest"
            click.echo(f"{rule['id']} never applied: {where}, but for {nearest['failing']}")


def _print_rule(rule: Document) -> None:
    names = ("id", "lane", "order", "paused", "line", "note", "seen", "fired", "left", "last_at")
    fields = [(name.replace("_", " "), str(rule[name])) for name in names if rule[name] is not None]
    print_fields(fields)


def _print_check(document: Document) -> None:
    for each in document["mistakes"] or [document["line"]]:
        click.echo(replace_unprintable(each))


def _print_chaos(document: Document) -> None:
    rows = [(kind, f"{each['percent']} %", str(each["code"])) for kind, each in document.items()]
    print_rows(("REFUSED", "SHARE", "CODE"), rows)


def _print_fired(document: Document) -> None:
    rows = [
        (
            each["at"][5:23].replace("T", " "),
            each["rule"],
            each["stage"],
            each["session"],
            each["peer"],
            str(each["attempt"]),
            each["key"],
        )
        for each in document["fired"]
    ]
    titles = ("TIME (UTC)", "RULE", "STAGE", "SESSION", "PEER", "ATTEMPT", "KEY")
    print_rows(titles, rows, whole=titles[:-1], spare=("KEY",), otherwise="nothing fired")
