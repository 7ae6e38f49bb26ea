"""Formats captured mail: as JSON for programs, within 80 columns for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from gatepost.cli.tables import print_fields, print_rows, several
from gatepost.model.unprintable import replace_unprintable

if TYPE_CHECKING:
    from gatepost.mime.readable_contents import Contents
    from gatepost.model.message import StoredMessage

_TITLES: Final = ("ID", "RECEIVED", "FROM", "TO", "SUBJECT")
_TIME: Final = "%m-%d %H:%M"


def listing_document(message: "StoredMessage") -> dict[str, Any]:
    """Return the JSON document of a message in a list."""
    from gatepost.mailbox.message_documents import message_in_list  # noqa: PLC0415 - not to count

    return _builtins(message_in_list(message))


def whole_document(message: "StoredMessage", content: bytes) -> dict[str, Any]:
    """Return the JSON document of a message with its content."""
    from gatepost.mailbox.message_documents import message_in_full  # noqa: PLC0415

    return _builtins(message_in_full(message, _read(content)))


def _builtins(document: msgspec.Struct) -> dict[str, Any]:
    """Return what JSON makes of a document."""
    return msgspec.json.decode(msgspec.json.encode(document), type=dict[str, Any])


def return_path(message: "StoredMessage") -> bytes:
    """Return the field that final delivery adds on top (RFC 5321 4.4)."""
    return f"Return-Path: <{message.mail_from}>\r\n".encode("utf-8", "surrogateescape")


def print_table(messages: "Sequence[StoredMessage]") -> None:
    """Print messages as aligned columns."""
    rows = [_cells(each) for each in messages]
    print_rows(_TITLES, rows, whole=_TITLES[:2], spare=("FROM",), otherwise="no messages")


def print_message(message: "StoredMessage", content: bytes) -> None:
    """Print a message for reading: envelope, subject, text, attachments."""
    contents = _read(content)
    document = listing_document(message)
    fields = (
        ("id", document["id"]),
        ("received", f"{message.received_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("from", f"<{document['mail_from']}>"),
        ("to", ", ".join(f"<{each}>" for each in document["rcpt_to"])),
        ("subject", document["subject"]),
        ("signed in", document["principal"] or "nobody"),
        ("size", f"{message.size:,} octets"),
    )
    print_fields(fields)
    text = contents.text if contents.text is not None else contents.html
    if text:
        click.echo()
        click.echo(
            "\n".join(replace_unprintable(line.expandtabs()) for line in text.rstrip().split("\n"))
        )
    if contents.attachments:
        click.echo()
    for each in contents.attachments:
        name = each.filename or "without a name"
        label = f"{name} ({each.content_type}, {each.size:,} octets)"
        click.echo(f"attached   {replace_unprintable(label)}")


def _read(content: bytes) -> "Contents":
    from gatepost.mime.readable_contents import read_contents  # noqa: PLC0415 - not needed to list

    return read_contents(content)


def _cells(message: "StoredMessage") -> tuple[str, ...]:
    document = listing_document(message)
    return (
        message.id,
        f"{message.received_at:{_TIME}}",
        document["mail_from"] or "<>",
        several(document["rcpt_to"]),
        document["subject"],
    )
