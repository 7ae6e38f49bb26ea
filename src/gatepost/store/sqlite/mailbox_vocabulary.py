"""Which words the messages of a block have, so that a search reads only the blocks that may match.

Messages whose numbers follow each other make a block. Its vocabulary has each word of their texts
and keys once, which of mail that is alike is a small part of its octets; what every message has;
and, as a Bloom filter, which words follow each other. Vocabularies follow from the entries: a block
that has none is searched.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final

from gatepost.queue.mailbox_contract import Contains, HasKey, Terms
from gatepost.store.sqlite.mailbox_terms import SEPARATOR
from gatepost.store.sqlite.queries import read_queries
from gatepost.store.sqlite.word_runs import LONGEST, has_run, make_filter, runs_in

SQL: Final = read_queries("mailbox_vocabulary.sql")
BITS: Final = 8
"""A block has 2 ** BITS numbers."""
APART: Final = "\x1e"
"""Between the texts in ``words`` of an entry."""
MOST_RUNS: Final = 1_000_000
"""Runs of words in a block of which there is a filter."""
_LIKELY: Final = 50
"""Words with which a phrase may begin, or end; if there are more, one of them will be there."""
_END: Final = b"\0"
"""After each part of a vocabulary but the last one."""

Span = tuple[int, int]
"""The first and the last number of some entries."""


def block_of(seq: int) -> int:
    """Return the block in which an entry is."""
    return seq >> BITS


class BlockFilter:
    """Tells whether an entry of a block may match terms; false if the terms do not say.

    A text of a search may begin and end within a word, but blanks in it are between words.
    """

    def __init__(self, terms: Terms) -> None:
        self._words: list[bytes] = []
        self._phrases: list[Sequence[bytes]] = []
        """Words that follow each other, if there are several."""
        self._excluded: list[bytes] = []
        for term in terms:
            match term.condition:
                case Contains(("words",), text) if term.is_negated:
                    self._excluded.append(text.encode())
                case Contains(_, text) | HasKey(text) if not term.is_negated:
                    words = [each.encode() for each in text.split(" ") if each]
                    self._words += words
                    self._phrases += [words] if len(words) > 1 else []

    def __bool__(self) -> bool:
        return bool(self._words or self._excluded)

    def may_match(self, vocabulary: bytes) -> bool:
        """Tell whether an entry of the block with this vocabulary may match."""
        words, _, rest = vocabulary.partition(_END)
        if not all(map(words.__contains__, self._words)):
            return False
        common, _, runs = rest.partition(_END)
        if any(map(common.__contains__, self._excluded)):
            return False
        return not runs or all(_may_have(words, runs, each) for each in self._phrases)


def _may_have(words: bytes, runs: bytes, phrase: Sequence[bytes]) -> bool:
    """Tell whether an entry of a block may have a phrase."""
    places = [[each] for each in phrase]
    places[0], places[-1] = (
        _words_with(words, phrase[0], b"\n"),
        _words_with(words, b"\n", phrase[-1]),
    )
    while places and len(places[0]) > _LIKELY:  # one of them will be there
        del places[0]
    while places and len(places[-1]) > _LIKELY:
        del places[-1]
    size = min(LONGEST, len(places))
    return size < 2 or all(
        any(has_run(runs, b" ".join(each)) for each in product(*places[at : at + size]))
        for at in range(len(places) - size + 1)
    )


def _words_with(words: bytes, before: bytes, behind: bytes) -> list[bytes]:
    """Return the words that end, or begin, with a text: a line end is on its other side."""
    found, text, at = list[bytes](), before + behind, words.find(before + behind)
    while at >= 0 and len(found) <= _LIKELY:
        begin = words.rfind(b"\n", 0, at + 1) + 1
        found.append(words[begin : words.index(b"\n", begin)])
        at = words.find(text, at + 1)
    return found


def candidates(connection: sqlite3.Connection, blocks: BlockFilter, within: Span) -> Iterator[Span]:
    """Yield the spans in which entries may match, newest first."""
    lowest, above = within
    rows = connection.execute(SQL["list_vocabularies"], (block_of(lowest), block_of(above)))
    for block, vocabulary in rows:
        first, last = block << BITS, ((block + 1) << BITS) - 1
        if last < above:
            yield last + 1, above
        if blocks.may_match(vocabulary):
            yield max(first, lowest), min(last, above)
        above = first - 1
    if lowest <= above:
        yield lowest, above


def missing_block(connection: sqlite3.Connection) -> int | None:
    """Return the newest block that has all its entries, but no vocabulary; None: there is none."""
    row = connection.execute(SQL["missing_block"]).fetchone()
    return None if row is None else int(row[0])


def read_vocabulary(connection: sqlite3.Connection, block: int) -> tuple[int, int, bytes]:
    """Return a block, the number of its entries, and their vocabulary."""
    span = block << BITS, ((block + 1) << BITS) - 1
    rows = connection.execute(SQL["texts"], span).fetchall()
    return block, len(rows), vocabulary_of(rows)


def vocabulary_of(rows: Iterable[Sequence[str]]) -> bytes:
    """Return the vocabulary of entries; the last text of each is that of all its words."""
    words, runs, common = set[str](), set[str](), set[str]()
    for number, (*fields, contents) in enumerate(rows):
        own, own_runs = _words_and_runs((contents,))
        others, other_runs = _words_and_runs(fields)
        words |= own | others
        runs |= own_runs | other_runs
        common = common & (own | own_runs) if number else own | own_runs
    filled = make_filter(runs) if len(runs) <= MOST_RUNS else b""
    return _END.join([_lines(words), _lines(common), filled])


def _lines(words: Iterable[str]) -> bytes:
    """Return words with a line end before and behind each."""
    return "\n".join(["", *words, ""]).encode()


def _words_and_runs(texts: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return the words of texts, and the runs of those that follow each other."""
    words, runs = set[str](), set[str]()
    for text in texts:
        for part in text.replace(SEPARATOR, APART).split(APART):
            some = [each for each in part.split(" ") if each]
            words.update(some)
            runs.update(runs_in(some))
    return words, runs
