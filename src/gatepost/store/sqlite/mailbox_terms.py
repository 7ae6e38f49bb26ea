"""The terms of a search as a condition of SQL."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
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
    Term,
    Terms,
)
from gatepost.store.stored_values import microseconds

SEPARATOR: Final = "\x1f"
"""Before, between and behind the keys, and the tags, of an entry."""
_COLUMNS: Final[Mapping[SearchField, str]] = {
    "from": "sender",
    "to": "recipients",
    "cc": "cc",
    "bcc": "bcc",
    "reply_to": "reply_to",
    "subject": "subject",
    "message_id": "message_id",
    "words": "(SELECT words FROM mailbox_contents AS c WHERE c.seq = mailbox.seq)",
}
_SPECIAL: Final = re.compile(r"[*?[]")
"""What means something in a pattern of GLOB, which is quicker than instr()."""
_PROPERTIES: Final = {
    "read": "is_read = 1",
    "tagged": "tags <> ''",
    "with_attachments": "attachments > 0",
    "with_inlines": "inlines > 0",
}
_WITH_ID: Final = (
    "mailbox.seq IN (SELECT seq FROM messages WHERE id IN (SELECT value FROM json_each(?)))"
)


def joined(values: Iterable[str]) -> str:
    """Return the column of some keys or tags; empty for none."""
    text = SEPARATOR.join(values)
    return f"{SEPARATOR}{text}{SEPARATOR}" if text else ""


def where(terms: Terms) -> tuple[str, tuple[Any, ...]]:
    """Return a condition that holds where all terms match, and its values."""
    conditions, values = ["1"], list[Any]()
    for term in terms:
        condition, some = _sql(term.condition)
        conditions.append(f"NOT ({condition})" if term.is_negated else f"({condition})")
        values += some
    return " AND ".join(conditions), tuple(values)


def where_within(terms: Terms) -> tuple[str, tuple[Any, ...]]:
    """Return the same for the entries of a span, whose two numbers come before the values.

    Texts are compared where they are, so that only entries that have them are looked up.
    """
    texts = [each for each in terms if _is_of_contents(each)]
    condition, values = where(tuple([each for each in terms if each not in texts]))
    if not texts:
        return f"mailbox.seq BETWEEN ? AND ? AND {condition}", values
    globs = " AND words GLOB ?" * len(texts)
    sought = f"SELECT seq FROM mailbox_contents WHERE seq BETWEEN ? AND ?{globs}"  # noqa: S608
    patterns = [_pattern(each.condition.text) for each in texts]  # type: ignore[union-attr]
    return f"mailbox.seq IN ({sought}) AND {condition}", (*patterns, *values)


def _is_of_contents(term: Term) -> bool:
    condition = term.condition
    is_text = isinstance(condition, Contains) and condition.fields == ("words",)
    return is_text and not term.is_negated


def _pattern(text: str) -> str:
    return "*" + _SPECIAL.sub(r"[\g<0>]", text) + "*"


def _sql(condition: Condition) -> tuple[str, Sequence[Any]]:
    match condition:
        case Contains(fields, text):
            sql = " OR ".join(f"{_COLUMNS[each]} GLOB ?" for each in fields)
            return sql, [_pattern(text)] * len(fields)
        case HasKey(key):
            return "instr(keys, ?)", [joined((key,))]
        case HasTag(tag):
            return "instr(tags, ?)", [joined((tag,))]
        case InInbox(kind, name):
            return f"{kind} = ?", [name]
        case Is(name):
            return _PROPERTIES[name], []
        case Larger(size):
            return "size > ?", [size]
        case ReceivedBefore(at):
            return "received_at < ?", [microseconds(at)]
        case ArrivedAfter(seq):
            return "mailbox.seq > ?", [seq]
        case HasId(ids):
            return _WITH_ID, [json.dumps(sorted(ids))]
