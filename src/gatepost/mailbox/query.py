"""The search language of Mailpit, with exact terms of our own.

Its rules follow internal/storage/search.go and internal/tools/argsparser.go of Mailpit v1.30.5.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

from gatepost.mailbox.dates import read_date
from gatepost.mailbox.folding import fold
from gatepost.queue.mailbox_contract import (
    Contains,
    HasKey,
    HasTag,
    Is,
    Larger,
    ReceivedBefore,
    SearchField,
    Term,
    Terms,
)

LONGEST: Final = 2_000
"""Maximum characters of a query."""
MOST_TERMS: Final = 50

EXACT: Final = ("rcpt", "mail-from", "user", "app", "session", "injected", "code", "status")
"""Terms of our own, which compare a whole value. Each is also the beginning of a key."""

_FIELDS: Final[Mapping[str, tuple[SearchField, ...]]] = {
    "from": ("from",),
    "to": ("to",),
    "cc": ("cc",),
    "bcc": ("bcc",),
    "reply-to": ("reply_to",),
    "subject": ("subject",),
    "message-id": ("message_id",),
    "addressed": ("from", "to", "cc", "bcc", "reply_to"),
}
_PROPERTIES: Final[Mapping[str, Term]] = {
    "is:read": Term(Is("read")),
    "is:unread": Term(Is("read"), is_negated=True),
    "is:tagged": Term(Is("tagged")),
    "has:attachment": Term(Is("with_attachments")),
    "has:attachments": Term(Is("with_attachments")),
    "has:inline": Term(Is("with_inlines")),
    "has:inlines": Term(Is("with_inlines")),
}
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s?(b|kb?|mb?)?", re.ASCII)
_LARGEST: Final = 1 << 62
"""Octets; what databases have as a number."""
_FACTORS: Final = {"": 1, "b": 1, "k": 1024, "m": 1024 * 1024}


class BadQuery(ValueError):
    """A query that is too long."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a query asks for, and the words of it that mean nothing."""

    terms: Terms = ()
    ignored: tuple[str, ...] = ()


def exact_key(name: str, value: str) -> str:
    """Return the key that ``name:value`` finds."""
    return f"{name}:{fold(value).strip()}"


def read_query(text: str, zone: tzinfo = UTC, spell: Callable[[str], str] = str) -> Query:
    """Return what a query asks for.

    Dates without a zone are in ``zone``. ``spell`` returns a tag as it is spelled in the mailbox.
    Raises BadQuery.
    """
    if len(text) > LONGEST:
        raise BadQuery(f"the query has more than {LONGEST} characters")
    words = list(_split(text))
    if len(words) > MOST_TERMS:
        raise BadQuery(f"the query has more than {MOST_TERMS} terms")
    terms, ignored = list[Term](), list[str]()
    for word in words:
        is_negated = word.startswith(("-", "!"))
        bare = word[1:] if is_negated else word
        if not bare.strip():
            continue
        try:
            term = _read_term(bare, zone, spell)
        except ValueError:
            ignored.append(word)
            continue
        if term is not None:
            terms.append(Term(term.condition, term.is_negated != is_negated))
    return Query(tuple(terms), tuple(ignored))


def _split(text: str) -> Iterator[str]:
    """Yield terms: quotes keep blanks together, and vanish."""
    for term in _TERM.findall(text):
        yield term.replace('"', "")


_TERM: Final = re.compile(r'(?:"[^"]*"?|[^\s"])+')


def _read_term(word: str, zone: tzinfo, spell: Callable[[str], str]) -> Term | None:
    """Return what a word asks for; None: nothing. Raises ValueError for a value without meaning."""
    if (known := _PROPERTIES.get(word.lower())) is not None:
        return known
    name, colon, value = word.partition(":")
    name, value = name.lower(), value.strip()
    if not colon or (name not in _FIELDS and name not in _READERS and name not in EXACT):
        return Term(Contains(("words",), fold(word)))
    if not value:
        return None
    if name in _FIELDS:
        return Term(Contains(_FIELDS[name], fold(value)))
    if name in EXACT:
        return Term(HasKey(exact_key(name, value)))
    return _READERS[name](value, zone, spell)


def _tag(value: str, _zone: tzinfo, spell: Callable[[str], str]) -> Term:
    return Term(HasTag(spell(value)))


def _larger(value: str, _zone: tzinfo, _spell: Callable[[str], str]) -> Term:
    return Term(Larger(_octets(value)))


def _smaller(value: str, _zone: tzinfo, _spell: Callable[[str], str]) -> Term:
    return Term(Larger(_octets(value) - 1), is_negated=True)


def _before(value: str, zone: tzinfo, _spell: Callable[[str], str]) -> Term:
    return Term(ReceivedBefore(read_date(value, zone)))


def _after(value: str, zone: tzinfo, _spell: Callable[[str], str]) -> Term:
    return Term(ReceivedBefore(read_date(value, zone)), is_negated=True)


_READERS: Final[Mapping[str, Callable[[str, tzinfo, Callable[[str], str]], Term]]] = {
    "tag": _tag,
    "larger": _larger,
    "smaller": _smaller,
    "before": _before,
    "after": _after,
}


def _octets(value: str) -> int:
    """Return a size such as ``1.5mb`` in octets, at most _LARGEST. Raises ValueError."""
    match = _SIZE.fullmatch(value.lower())
    if match is None:
        raise ValueError(f"not a size: {value}")
    return min(int(float(match[1]) * _FACTORS[(match[2] or "")[:1]]), _LARGEST)
