"""The schema of the database, the statements of ``queries.sql``, and conversions of their rows.

The files are read when the program starts, so that a process that has given up its rights since
then, or whose files were replaced by an update, can still open a store.
"""

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from gatepost.model.envelope import Envelope
from gatepost.model.message import StoredMessage, Submission
from gatepost.store.sqlite.damage import damage
from gatepost.store.sqlite.segments import BodyPlace
from gatepost.store.stored_values import microseconds, read_statements, read_time

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def read_sql(name: str) -> str:
    """Return an SQL file in this directory."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def read_queries(name: str) -> dict[str, str]:
    """Return the statements of an SQL file in this directory by the names above them."""
    return read_statements(Path(__file__).with_name(name))


QUERIES: Final = read_queries("queries.sql")

VERSION: Final = 7
"""Version of the schema."""
MIGRATIONS: Final = tuple(read_sql(f"schema_{number}.sql") for number in range(1, VERSION + 1))
"""``MIGRATIONS[n]`` leads from version n to n + 1."""
APPLICATION: Final = 0x47505354
"""PRAGMA application_id of our files: ``GPST``."""

INSERT_MESSAGE: Final = QUERIES["insert_message"]
INSERT_BODY: Final = QUERIES["insert_body"]


def message_row(seq: int, submission: Submission, place: BodyPlace) -> tuple[Any, ...]:
    """Return the values for INSERT_MESSAGE; segment 0 means that the body is in its own table."""
    envelope = submission.envelope
    in_segment = place.segment > 0
    return (
        seq,
        submission.id,
        microseconds(submission.received_at),
        text_value(str(envelope.sender)) if envelope.sender else "",
        _encode([str(recipient.address) for recipient in envelope.recipients]),
        _parameters(envelope),
        text_value(submission.subject),
        text_value(submission.message_id),
        text_value(submission.principal),
        submission.trace,
        place.size,
        place.checksum,
        place.segment if in_segment else None,
        place.offset if in_segment else None,
    )


def stored_message(row: tuple[Any, ...]) -> StoredMessage:
    """Return the message in a row of LIST_BEFORE or GET_MESSAGE."""
    _, id_, received_at, mail_from, rcpt_to, subject, message_id, size, principal = row
    return StoredMessage(
        id=id_,
        received_at=read_time(received_at),
        mail_from=read_text(mail_from),
        rcpt_to=_read_recipients(rcpt_to),
        subject=read_text(subject),
        message_id=read_text(message_id),
        size=size,
        principal=read_text(principal),
    )


def _read_recipients(text: str) -> tuple[str, ...]:
    try:
        return tuple(json.loads(text))
    except (ValueError, TypeError):  # damaged: the other messages must remain readable
        return ()


def text_value(text: str) -> str | bytes:
    """Return the value for SQLite: text with octets that are not UTF-8, lone surrogates here, as a
    BLOB."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text


def read_text(value: object) -> str:
    """Return the text of a value from ``text_value``. Raises sqlite3.Error for any other."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    raise damage("a column of text holds none")  # so that its row is copied, or reconstructed


def read_id(value: object) -> str:
    """Return an id. Raises sqlite3.Error for one by which nobody could ask for its row."""
    if isinstance(value, str):
        with suppress(UnicodeEncodeError):
            value.encode()
            return value
    raise damage("an id is no text")


def _parameters(envelope: Envelope) -> str | None:
    """Return the envelope's extensions as JSON; None if the client used none."""
    if _is_plain(envelope):
        return None
    fields = asdict(envelope)
    del fields["sender"], fields["_is_ascii"]
    for recipient, given in zip(fields["recipients"], envelope.recipients, strict=True):
        recipient["address"], recipient["notify"] = str(given.address), sorted(given.notify)
    return _encode(fields)


def _is_plain(envelope: Envelope) -> bool:
    if envelope.body != "7BIT" or envelope.smtputf8 or envelope.auth is not None:
        return False
    if envelope.ret is not None or envelope.envid is not None:
        return False
    return not any(each.notify or each.orcpt for each in envelope.recipients)
