"""``gatepost messages``: captured mail."""

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from gatepost.cli.call_relay import call_console
from gatepost.cli.command_group import Group
from gatepost.cli.output import CommandFailed, print_json, print_result
from gatepost.cli.store_options import place_options
from gatepost.model.unprintable import replace_unprintable

if TYPE_CHECKING:
    from gatepost.model.message import StoredMessage
    from gatepost.queue.store_contract import Selection, Store

WAIT: Final = 30.0
"""Seconds."""

F = TypeVar("F", bound=Callable[..., Any])
Operation = Callable[["Store"], Coroutine[Any, Any, None]]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(cls=Group)
def messages() -> None:
    """List, show, await, save, release and delete captured mail, whether or not the relay runs.

    \b
    Example:
      gatepost messages list
      gatepost messages show last
    """


_FILTERS: Final = (
    click.option("--to", default="", metavar="ADDRESS", help="One of the recipients."),
    click.option(
        "--from", "sender", default="", metavar="ADDRESS",
        help="The sender; <> for the null sender."
    ),
    click.option(
        "--subject", default="", metavar="RE", help="A regular expression for the subject, "
        "without look-around and references.",
        callback=lambda _ctx, _parameter, value: _checked_expression(value),
    ),
    click.option("--account", default="", metavar="NAME", help="The account that signed in."),
)  # fmt: skip


def _filters(command: F) -> F:
    """Add the options that select messages; all of them must match."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def _selection(filters: dict[str, str]) -> "Selection":
    from gatepost.queue.store_contract import Selection  # noqa: PLC0415

    names = ("to", "sender", "subject", "account")
    to, sender, subject, account = [filters[each] for each in names]
    return Selection(to, subject, sender=sender, account=account)


@messages.command("list")
@_filters
@place_options
@_json
def list_(data: Path, as_json: bool, **filters: str) -> None:
    """List captured messages, newest first.

    \b
    Example:
      gatepost messages list --json
      gatepost messages list --from ann@example.com --subject '^Invoice'
    """
    from gatepost.cli import message_views  # noqa: PLC0415 - not needed by --help

    async def operate(store: "Store") -> None:
        listed = await store.list(_selection(filters))
        if as_json:
            print_json({"messages": [message_views.listing_document(each) for each in listed]})
        else:
            message_views.print_table(listed)

    _open(data, operate)


@messages.command()
@_filters
@place_options
@_json
def count(data: Path, as_json: bool, **filters: str) -> None:
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

    async def operate(store: "Store") -> None:
        chosen = any(filters.values())
        tell(len(await store.list(_selection(filters))) if chosen else await store.count())

    from gatepost.errors import NetworkError  # noqa: PLC0415
    from gatepost.processes.control_socket import ask_count  # noqa: PLC0415

    if any(filters.values()):
        _open(data, operate)
        return
    try:
        number = ask_count(data)
    except NetworkError:
        _open(data, operate)  # no relay runs: open the store
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

    from gatepost.cli import message_views  # noqa: PLC0415 - not needed by --help

    async def operate(store: "Store") -> None:
        message = await store.get(id_)
        if as_json:
            print_json(await _whole(store, message))
            return
        body = await store.body(message.id)
        if raw:
            if not no_trace:
                _write(message_views.return_path(message) + await store.trace(message.id))
            for chunk in body.chunks():
                _write(chunk)
            sys.stdout.flush()
        else:
            message_views.print_message(message, b"".join(body.chunks()))

    _open(data, operate)


async def _whole(store: "Store", message: "StoredMessage") -> dict[str, Any]:
    """Return a message as JSON, with its content."""
    from gatepost.cli import message_views  # noqa: PLC0415

    content = b"".join((await store.body(message.id)).chunks())
    return message_views.whole_document(message, content)


@messages.command()
@_filters
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=WAIT, show_default=True, help="Seconds."
)
@place_options
@_json
def wait(timeout: float, data: Path, as_json: bool, **filters: str) -> None:
    """Wait for a matching message, and show the newest. Exit 1 if none arrives.

    \b
    Example:
      gatepost messages wait --to bob@example.net --subject '^Welcome' --timeout 10
    """
    from gatepost.cli import message_views  # noqa: PLC0415 - not needed by --help

    async def operate(store: "Store") -> None:
        message = await store.wait(_selection(filters), timeout)
        if message is None:
            raise CommandFailed(f"no such message within {timeout:g} s", "TimedOut")
        if as_json:
            print_json(await _whole(store, message))
        else:
            message_views.print_table([message])

    _open(data, operate)


@messages.command("save-attachments")
@click.argument("id_", metavar="ID|last")
@click.option(
    "--to", "directory", type=click.Path(file_okay=False, path_type=Path), default=Path(),
    metavar="DIR", help="Where to save them; default: the current directory.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that exist.")
@place_options
@_json
def save_attachments(id_: str, directory: Path, force: bool, data: Path, as_json: bool) -> None:
    """Save the attachments of a message as files, and print their paths.

    Names from the message are made safe: without directories, not hidden, no two alike. Only you
    can read the files.

    \b
    Example:
      gatepost messages save-attachments last --to attachments
    """
    from gatepost.cli.attachments import print_saved, save  # noqa: PLC0415
    from gatepost.mime.readable_contents import read_contents  # noqa: PLC0415

    async def operate(store: "Store") -> None:
        message = await store.get(id_)
        content = b"".join((await store.body(message.id)).chunks())
        saved = save(read_contents(content).attachments, directory, force=force)
        print_saved(message.id, saved, as_json=as_json)

    _open(data, operate)


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

    async def operate(store: "Store") -> None:
        ids = None if id_ is None else [(await store.get(id_)).id]
        number = await store.delete(ids)
        if as_json:
            print_json({"deleted": number})
        else:
            click.echo(f"{number} deleted")

    _open(data, operate)


@messages.command()
@click.argument("id_", metavar="ID")
@click.argument("to", metavar="ADDRESS...", nargs=-1, required=True)
@place_options
@_json
def release(id_: str, to: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Send a captured message to other addresses, by the release_route of `gatepost serve`.

    The captured message stays.

    \b
    Example:
      gatepost messages release 7-41 ann@example.net
    """
    document = call_console(data, "release", {"id": id_, "to": list(to)})
    names = ", ".join(document["to"])
    print_result(document, as_json, lambda _: click.echo(replace_unprintable(f"sent to {names}")))


def _open(data: Path, operate: Operation) -> None:
    """Run ``operate`` on the captured mail of ``data``. Raises CommandFailed."""
    import asyncio  # noqa: PLC0415 - `gatepost --help` does without

    from gatepost.app.data_directory import open_mailbox  # noqa: PLC0415
    from gatepost.errors import GatepostError  # noqa: PLC0415

    async def run() -> None:
        async with open_mailbox(data) as store:
            await operate(store)

    try:
        asyncio.run(run())
    except KeyError as error:
        raise CommandFailed(f"no message {error.args[0]}", "NotFound") from None
    except GatepostError as error:
        raise CommandFailed.by(error) from None


def _checked_expression(subject: str) -> str:
    from gatepost.queue.message_selection import compile_subject  # noqa: PLC0415 - not for --help

    try:
        compile_subject(subject)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--subject") from None
    return subject


def _write(octets: bytes) -> None:
    sys.stdout.buffer.write(octets)
