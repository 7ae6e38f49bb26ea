"""Which words the messages of a block have, so that a search reads only the blocks that may match.

Messages whose numbers follow each other make a block. Its vocabulary has each word of their texts
and keys once, which of mail that is alike is a small part of its octets. Vocabularies follow from
the entries: a block that has none is searched.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gatepost.queue.mailbox_contract import Contains, HasKey, Terms
from gatepost.store.sqlite.mailbox_terms import SEPARATOR
from gatepost.store.sqlite.queries import read_queries

SQL: Final = read_queries("mailbox_vocabulary.sql")
BITS: Final = 8
"""A block has 2 ** BITS numbers."""
APART: Final = "\x1e"
"""Between the texts in ``words`` of an entry."""

Span = tuple[int, int]
"""The first and the last number of some entries."""


def block_of(seq: int) -> int:
    """Return the block in which an entry is."""
    return seq >> BITS


def words_of(terms: Terms) -> Sequence[bytes]:
    """Return what the vocabulary of a block must contain, if an entry of it matches.

    A text of a search may begin and end within a word, but blanks in it are between words.
    """
    texts = []
    for term in terms:
        if not term.is_negated and isinstance(term.condition, Contains):
            texts.append(term.condition.text)
        elif not term.is_negated and isinstance(term.condition, HasKey):
            texts.append(term.condition.key)
    return [word.encode() for text in texts for word in text.split(" ") if word]


def candidates(
    connection: sqlite3.Connection, words: Sequence[bytes], within: Span
) -> Iterator[Span]:
    """Yield the spans in which entries may have all these words, newest first."""
    lowest, above = within
    rows = connection.execute(SQL["list_vocabularies"], (block_of(lowest), block_of(above)))
    for block, vocabulary in rows:
        first, last = block << BITS, ((block + 1) << BITS) - 1
        if last < above:
            yield last + 1, above
        if all(map(vocabulary.__contains__, words)):
            yield max(first, lowest), min(last, above)
        above = first - 1
    if lowest <= above:
        yield lowest, above


def missing_block(connection: sqlite3.Connection) -> int | None:
    """Return the newest block that has all its entries, but no vocabulary; None: there is none."""
    row = connection.execute(SQL["missing_block"]).fetchone()
    return None if row is None else int(row[0])


def read_vocabulary(connection: sqlite3.Connection, block: int) -> tuple[int, int, bytes]:
    """Return a block, the number of its entries, and their words."""
    span = block << BITS, ((block + 1) << BITS) - 1
    rows = connection.execute(SQL["texts"], span).fetchall()
    return block, len(rows), _collect(text for row in rows for text in row)


def _collect(texts: Iterable[str]) -> bytes:
    words = set[str]()
    for text in texts:
        words.update(text.replace(APART, " ").replace(SEPARATOR, " ").split(" "))
    words.discard("")
    return "\n".join(words).encode()
