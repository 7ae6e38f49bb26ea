"""``gatepost messages``: the mail that was captured."""

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.group import Group
from gatepost.cli.output import Failed, print_json
from gatepost.cli.store_options import place_options

if TYPE_CHECKING:
    from gatepost.queue.contract import Store

WAIT: Final = 30.0
"""Seconds."""

Answer = Callable[["Store"], Coroutine[Any, Any, None]]

_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group(cls=Group)
def messages() -> None:
    """List, show, await and delete captured mail, whether or not the relay runs.

    \b
    Example:
      gatepost messages list
      gatepost messages show last
    """


@messages.command("list")
@place_options
@_json
def list_(data: Path, as_json: bool) -> None:
    """List captured messages, newest first.

    \b
    Example:
      gatepost messages list --json
    """
    from gatepost.cli import message_views  # noqa: PLC0415 - read no faster than needed

    async def answer(store: "Store") -> None:
        found = await store.list()
        if as_json:
            print_json({"messages": [message_views.told(each) for each in found]})
        else:
            message_views.print_table(found)

    _ask(data, answer)


@messages.command()
@place_options
@_json
def count(data: Path, as_json: bool) -> None:
    """Print the number of messages.

    \b
    Example:
      gatepost messages count
    """

    def tell(number: int) -> None:
        if as_json:
            print_json({"count": number})
        else:
            click.echo(number)

    async def answer(store: "Store") -> None:
        tell(await store.count())

    from gatepost.app.control_socket import ask_count  # noqa: PLC0415
    from gatepost.errors import NetworkError  # noqa: PLC0415

    try:
        number = ask_count(data)
    except NetworkError:
        _ask(data, answer)  # no relay runs: open the store
    else:
        tell(number)


@messages.command()
@click.argument("id_", metavar="ID|last")
@click.option("--raw", is_flag=True, help="The stored message, unchanged.")
@click.option("--no-trace", is_flag=True, help="With --raw: without the relay's header fields.")
@place_options
@_json
def show(id_: str, raw: bool, no_trace: bool, data: Path, as_json: bool) -> None:
    """Show one message; `last` is the newest.

    \b
    Example:
      gatepost messages show last --raw
    """
    if no_trace and not raw:
        raise click.UsageError("--no-trace needs --raw")
    if raw and as_json:
        raise click.UsageError("--raw and --json cannot be used together")

    from gatepost.cli import message_views  # noqa: PLC0415 - read no faster than needed
    from gatepost.model.report import message_guid  # noqa: PLC0415 - read no faster than needed

    async def answer(store: "Store") -> None:
        message = await store.get(id_)
        body = await store.body(message.id)
        if raw:
            if not no_trace:
                _write(message_views.return_path(message) + await store.trace(message.id))
            for chunk in body.chunks():
                _write(chunk)
            sys.stdout.flush()
        elif as_json:
            content = b"".join(body.chunks())
            guid = {"azure_message_id": message_guid(message.id, message.received_at)}
            print_json(message_views.told(message) | message_views.told_contents(content) | guid)
        else:
            message_views.print_message(message, b"".join(body.chunks()))

    _ask(data, answer)


@messages.command()
@click.option("--to", default="", metavar="ADDRESS", help="One of the recipients.")
@click.option("--subject", default="", metavar="RE", help="A regular expression for the subject.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=WAIT, show_default=True, help="Seconds."
)
@place_options
@_json
def wait(to: str, subject: str, timeout: float, data: Path, as_json: bool) -> None:
    """Wait for a matching message, and show the newest. Exit 1 if none arrives.

    \b
    Example:
      gatepost messages wait --to bob@example.net --subject '^Welcome' --timeout 10
    """
    from gatepost.cli import message_views  # noqa: PLC0415 - read no faster than needed
    from gatepost.queue.contract import Selection  # noqa: PLC0415

    _check_expression(subject)

    async def answer(store: "Store") -> None:
        found = await store.wait(Selection(to, subject), timeout)
        if found is None:
            raise Failed(f"no such message within {timeout:g} s", "TimedOut")
        if as_json:
            print_json(message_views.told(found))
        else:
            message_views.print_table([found])

    _ask(data, answer)


@messages.command()
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--all", "everything", is_flag=True, help="Delete all messages.")
@place_options
@_json
def delete(id_: str | None, everything: bool, data: Path, as_json: bool) -> None:
    """Delete one message, or all.

    \b
    Example:
      gatepost messages delete --all
    """
    if (id_ is not None) == everything:
        raise click.UsageError("give either an ID or --all")

    async def answer(store: "Store") -> None:
        ids = None if id_ is None else [(await store.get(id_)).id]
        number = await store.delete(ids)
        if as_json:
            print_json({"deleted": number})
        else:
            click.echo(f"{number} deleted")

    _ask(data, answer)


def _ask(data: Path, answer: Answer) -> None:
    """Run `answer` on the mailbox of `data`; errors are printed in a line, with exit code 1."""
    import asyncio  # noqa: PLC0415 - `gatepost --help` does without

    from gatepost.app.access import open_mailbox  # noqa: PLC0415
    from gatepost.errors import GatepostError  # noqa: PLC0415

    async def run() -> None:
        async with open_mailbox(data) as store:
            await answer(store)

    try:
        asyncio.run(run())
    except KeyError as error:
        raise Failed(f"no message {error.args[0]}", "NotFound") from None
    except GatepostError as error:
        raise Failed.by(error) from None


def _check_expression(subject: str) -> None:
    import re  # noqa: PLC0415

    try:
        re.compile(subject)
    except re.error as error:
        raise click.BadParameter(str(error), param_hint="--subject") from None


def _write(octets: bytes) -> None:
    sys.stdout.buffer.write(octets)
