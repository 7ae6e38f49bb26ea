"""``gatepost clock``: moves the clock of a local relay."""

from pathlib import Path

import click

from gatepost.cli.call_relay import Document, call_clock
from gatepost.cli.command_group import Group
from gatepost.cli.durations import Lifetime
from gatepost.cli.output import print_result
from gatepost.cli.store_options import options


@click.group(cls=Group)
def clock() -> None:
    """Move a local relay's clock forward.

    Secrets expire, suppression leases and rate windows end, and new roles take effect, as if that
    time had passed. It cannot be moved back. Signatures of API clients are still checked against
    the machine's time.

    \b
    Example:
      gatepost clock advance 25h
    """


@clock.command()
@options
def show(data: Path, as_json: bool) -> None:
    """Show the relay's time.

    \b
    Example:
      gatepost clock show --json
    """
    print_result(call_clock(data, "show", {}), as_json, _print)


@clock.command()
@click.argument("time", type=Lifetime())
@options
def advance(time: float, data: Path, as_json: bool) -> None:
    """Move the clock forward by TIME, such as 90d, 12h or 61s, also for later starts.

    \b
    Example:
      gatepost clock advance 61s
    """
    print_result(call_clock(data, "advance", {"seconds": time}), as_json, _print)


def _print(document: Document) -> None:
    from datetime import timedelta  # noqa: PLC0415 - `gatepost --help` does without

    ahead = timedelta(seconds=document["ahead"])
    click.echo(
        f"{document['now']}, {ahead} ahead" if ahead else f"{document['now']}, the machine's time"
    )
