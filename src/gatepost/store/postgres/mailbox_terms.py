"""The terms of a search as a condition of SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gatepost.queue.mailbox_contract import (
    ArrivedAfter,
    Condition,
    Contains,
    HasId,
    HasKey,
    HasTag,
    InInbox,
    Is,
    Larger,
    ReceivedBefore,
    SearchField,
    Terms,
)
from gatepost.store.postgres.arrays import texts
from gatepost.store.postgres.message_rows import is_storable
from gatepost.store.stored_values import legible, microseconds

_COLUMNS: Final[Mapping[SearchField, str]] = {
    "from": "m.sender",
    "to": "m.recipients",
    "cc": "m.cc",
    "bcc": "m.bcc",
    "reply_to": "m.reply_to",
    "subject": "m.subject",
    "message_id": "m.message_id",
    "words": "(SELECT t.words FROM mailbox_contents AS t WHERE t.seq = m.seq)",
}
_PROPERTIES: Final = {
    "read": "m.is_read",
    "tagged": "m.tags <> '{}'",
    "with_attachments": "m.attachments > 0",
    "with_inlines": "m.inlines > 0",
}
_WITH_ID: Final = "m.seq IN (SELECT seq FROM captured WHERE id = ANY(%s))"


def where(terms: Terms) -> tuple[str, tuple[Any, ...]]:
    """Return a condition that holds for ``mailbox AS m`` where all terms match, and its values."""
    conditions, values = ["true"], list[Any]()
    for term in terms:
        condition, some = _sql(term.condition)
        conditions.append(f"NOT ({condition})" if term.is_negated else f"({condition})")
        values += some
    return " AND ".join(conditions), tuple(values)


def _sql(condition: Condition) -> tuple[str, Sequence[Any]]:
    match condition:
        case Contains(fields, text):
            columns = [f"strpos({_COLUMNS[each]}, %s) > 0" for each in fields]
            return " OR ".join(columns), [legible(text)] * len(fields)
        case HasKey(key):
            return "%s = ANY(m.keys)", [legible(key)]
        case HasTag(tag):
            return "%s = ANY(m.tags)", [legible(tag)]
        case InInbox(kind, name):
            return f"m.{kind} = %s", [legible(name)]
        case Is(name):
            return _PROPERTIES[name], []
        case Larger(size):
            return "m.size > %s", [size]
        case ReceivedBefore(at):
            return "m.received_at < %s", [microseconds(at)]
        case ArrivedAfter(seq):
            return "m.seq > %s", [seq]
        case HasId(ids):
            return _WITH_ID, [texts([each for each in sorted(ids) if is_storable(each)])]
