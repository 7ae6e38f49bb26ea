"""Formats captured mail: as JSON for programs, within 80 columns for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.tables import print_fields, print_rows, several
from gatepost.model.rfc3339 import utc_text
from gatepost.model.unprintable import replace_unprintable

if TYPE_CHECKING:
    from gatepost.mime.readable_contents import Contents
    from gatepost.model.message import StoredMessage

_TITLES: Final = ("ID", "RECEIVED", "FROM", "TO", "SUBJECT")
_TIME: Final = "%m-%d %H:%M"


def listing_document(message: "StoredMessage") -> dict[str, Any]:
    """Return the JSON document of a message in a listing."""
    from gatepost.queue.message_selection import decode_subject  # noqa: PLC0415 - not needed to count

    return {
        "id": message.id,
        "received_at": utc_text(message.received_at),
        "mail_from": _whole(message.mail_from),
        "rcpt_to": [_whole(each) for each in message.rcpt_to],
        "subject": decode_subject(message.subject),
        "message_id": _whole(message.message_id),
        "size": message.size,
        "principal": _whole(message.principal),
    }


def content_document(content: bytes) -> dict[str, Any]:
    """Return what JSON adds for a single message.

    ``headers``: name to value, decoded; the values of a repeated field are separate lines.
    """
    contents = _read(content)
    headers: dict[str, str] = {}
    for name, value in contents.fields:
        headers[name] = f"{headers[name]}\n{value}" if name in headers else value
    return {
        "headers": headers,
        "text": contents.text,
        "html": contents.html,
        "attachments": [
            {
                "filename": each.filename,
                "content_type": each.content_type,
                "content_id": each.content_id,
                "size": each.size,
            }
            for each in contents.attachments
        ],
    }


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


def _whole(text: str) -> str:
    """Return text for JSON: octets that are not UTF-8 become replacement characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
