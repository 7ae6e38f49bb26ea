"""A whole store as rows that every kind of store can read and write, to copy one to another.

Times are microseconds, texts of clients octets, sets tuples. A leased delivery is due.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

PortableTable = Literal[
    "captured", "departed", "queued", "delivery", "operation", "report", "report_delivery",
    "suppressed_period", "record", "note", "entry", "counter",
]  # fmt: skip

COLUMNS: Final[Mapping[PortableTable, tuple[str, ...]]] = {
    "captured": (
        "seq", "id", "received_at", "mail_from", "rcpt_to", "parameters", "subject", "message_id",
        "principal", "trace", "size", "checksum",
    ),
    "departed": (
        "seq", "id", "received_at", "mail_from", "rcpt_to", "subject", "message_id", "size",
        "principal",
    ),
    "queued": (
        "seq", "id", "received_at", "mail_from", "parameters", "subject", "message_id",
        "principal", "trace", "size", "checksum", "settled",
    ),
    "delivery": (
        "message", "part", "hop", "due", "held", "token", "attempts", "warned", "expires",
        "notice", "addressees", "history",
    ),
    "operation": (
        "id", "resource", "started_at", "request", "sender", "message_id", "tracking_disabled",
        "error_code", "error_message",
    ),
    "report": ("number", "id", "type", "message", "resource", "subject", "at", "data"),
    "report_delivery": (
        "subscription", "report", "published_at", "due", "attempts", "last_at", "outcome", "dead",
    ),
    "suppressed_period": ("address", "level", "since", "until"),
    "record": ("kind", "id", "fields"),
    "note": ("scope", "key", "value", "until"),
    "entry": (
        "seq", "received_at", "size", "is_read", "attachments", "inlines", "application",
        "username", "lane", "tags", "keys", "sender", "recipients", "cc", "bcc", "reply_to",
        "subject", "message_id", "summary", "words",
    ),
    "counter": ("name", "value"),
}  # fmt: skip
"""The columns of the tables, in the order in which they are copied."""

OCTETS: Final = frozenset({"mail_from", "subject", "message_id", "principal"})
"""Columns of messages that are octets, because clients may send any."""
MESSAGES: Final = frozenset({"captured", "departed", "queued"})
"""Tables with such columns."""
FLAGS: Final = frozenset({"held", "warned", "is_read", "tracking_disabled"})
SETS: Final = frozenset({"tags", "keys"})
COUNTERS: Final = ("epoch", "reported", "indexed")


class PortableRow(NamedTuple):
    """A row; ``content`` is that of a message which still has one."""

    table: PortableTable
    values: tuple[Any, ...]
    content: bytes | None = None
