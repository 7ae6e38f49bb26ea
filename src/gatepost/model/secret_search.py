"""Finds secrets in what a server, a client or a log says, in whatever form it repeats them.

These are clear text, base64, base32 and hex, in UTF-8 or UTF-16, with any escapes, and parts that
were cut off. Each of them may be within other text, and takes time linear in the text.
"""

import re
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from math import inf
from typing import Final

from gatepost.model.encoded_runs import FEWEST, decode_runs, encoded_runs, words_in_encodings
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.unescaping import is_escaped, unescape, unescaped, unescaped_texts

LONG: Final = 8
"""Minimum characters of a secret that is also found in another case; not all of them may be
letters, because that could be an ordinary word."""
PART: Final = 8
"""Minimum characters of a part of a secret that is found, at its beginning or end; in its middle,
twice as many, and in a secret of more than 256 characters an eighth of these. Of a secret with 8 to
10 characters, it is 3 fewer than those."""
WORDS: Final = 12
"""Minimum characters of a part that consists of letters only."""
_BLOCKS: Final = 32
"""Maximum number of offsets in a secret at which a part of it is recognised."""
_DEEPEST: Final = 2
"""Maximum number of encodings on top of each other, for example base64 in base64."""
_CHARSETS: Final = ("utf-8", "utf-16-le", "utf-16-be")
_IN_WORDS: Final = str.maketrans("", "", " .,-_'\n")

_TEXT: Final = re.compile(r"[ -~]{6,}")
"""What may have further encodings within."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Needle:
    """A text to find, as it is without escapes."""

    text: str
    low: str
    blocks: tuple[tuple[int, str], ...] = ()
    """Parts of the text in lower case, by which longer parts are recognised, and their offsets."""
    part: int = 0
    """Minimum characters of a part."""
    in_any_case: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The parts by which it is recognised."""
        return tuple([block for _, block in self.blocks])


@lru_cache(maxsize=64)
def _needles_of(secret: str, *, parts: bool) -> tuple[_Needle, ...]:
    blanks = {secret.replace(" ", each) for each in " +_"}  # in forms, and in encoded words
    spelled = blanks | set(map(unescape, blanks)) | {unescape(ascii(secret)[1:-1])}
    if not secret.isascii():
        clear = secret.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        octets = [clear.encode(kind).decode("latin-1") for kind in _CHARSETS]
        spelled |= {each.replace("\0", "") for each in octets} | set(map(unescape, octets))
    return tuple([_needle(each, parts=parts) for each in spelled if each])


@lru_cache(maxsize=64)
def _words_of(secret: str) -> frozenset[str]:
    octets = [secret.encode(charset, "surrogatepass") for charset in _CHARSETS]
    return frozenset[str]().union(*map(words_in_encodings, octets))


def _needle(text: str, *, parts: bool) -> _Needle:
    low, size = _lower(text), len(text)
    in_any_case = size >= LONG and not text.isalpha()
    if not parts or size < LONG:
        return _Needle(text, low, in_any_case=in_any_case)
    part = min(PART, size - 3)
    step = max(part, -(-size // _BLOCKS))
    offsets = {*range(0, size - part + 1, step), size - part}
    starts: dict[str, list[int]] = {}
    for at in sorted(offsets):
        starts.setdefault(low[at : at + part], []).append(at)
    # A secret that repeats itself has the same block at many offsets, and each costs time.
    blocks = [(at, block) for block, each in starts.items() for at in {*each[:2], *each[-2:]}]
    return _Needle(text, low, tuple(sorted(blocks)), part, in_any_case)


class SecretSearch:
    """Searches for secrets, and for ``wholes``: texts that contain more than a secret, of which no
    parts are searched."""

    def __init__(self, secrets: Collection[str] = (), wholes: Collection[str] = ()) -> None:
        needles = [
            *(each for secret in secrets for each in _needles_of(secret, parts=True)),
            *(each for whole in wholes for each in _needles_of(whole, parts=False)),
        ]
        self._needles = tuple(dict.fromkeys(needles))
        self._keys = tuple(
            dict.fromkeys(key for each in self._needles for key in (each.low, *each.keys))
        )
        """A text without any of them, in lower case, has no secret as it is."""
        sizes = [each.part or len(each.text) for each in self._needles]
        self._fewest = max(FEWEST, min(sizes, default=FEWEST))
        self._words = frozenset[str]().union(*map(_words_of, (*secrets, *wholes)))

    def is_in(self, text: str) -> bool:
        """Tell whether a text contains a secret."""
        return self.can_be_in(text) and next(self._spans(text, 0), None) is not None

    def can_be_in(self, text: str, most: float = inf) -> bool:
        """Tell whether a text may contain a secret; quick, because most replies have none.

        Everything that the text may mean is searched together, without offsets. If that is more
        than ``most`` characters, it is not searched: there may be a secret.
        """
        if not self._needles:
            return False
        for _ in range(_DEEPEST):
            texts = (text, *unescaped_texts(text))
            if any(self._has_key(_lower(each)) for each in texts):
                return True
            text = decode_runs(texts, self._fewest, self._words).replace("\0", "")
            if len(text) > most:
                return True
            if not _TEXT.search(text):
                return self._has_key(_lower(text))
        return any(self._has_key(_lower(each)) for each in (text, *unescaped_texts(text)))

    def spans(self, text: str) -> list[Span]:
        """Return the spans of secrets in order; those that overlap or touch are one."""
        merged: list[Span] = []
        for start, end in sorted(self._spans(text, 0)):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        return merged

    def replace(self, text: str, mark: str) -> str:
        """Return the text with a mark in place of each secret."""
        if not (self.can_be_in(text) and (spans := self.spans(text))):
            return text
        ends = [0, *(end for _, end in spans)]
        starts = [*(start for start, _ in spans), len(text)]
        return mark.join([text[end:start] for end, start in zip(ends, starts, strict=True)])

    def _spans(self, text: str, depth: int) -> Iterator[Span]:
        yield from self._spans_in(text, depth)
        if is_escaped(text):
            for plain, offsets in unescaped(text):
                for start, end in self._spans_in(plain, depth):
                    yield offsets[start], offsets[end]

    def _spans_in(self, text: str, depth: int) -> Iterator[Span]:
        low = _lower(text)
        if self._has_key(low):
            for needle in self._needles:
                yield from _needle_spans(text, low, needle)
        if depth < _DEEPEST:
            for start, end, meanings in encoded_runs(text, self._fewest, self._words):
                if any(self._is_meant(each, depth + 1) for each in meanings):
                    yield start, end

    def _has_key(self, low: str) -> bool:
        for key in self._keys:  # noqa: SIM110 - faster, and this runs for each reply
            if key in low:
                return True
        return False

    def _is_meant(self, text: str, depth: int) -> bool:
        """Tell whether decoded text has a secret. Octets that are no text have no escapes."""
        if "\0" in text and self._is_meant(text.replace("\0", ""), depth):  # UTF-16, UTF-32
            return True
        if not _TEXT.search(text):
            low = text.lower()
            return self._has_key(low) and any(
                True for needle in self._needles for _ in _needle_spans(text, low, needle)
            )
        return next(self._spans(text, depth), None) is not None


def _needle_spans(text: str, low: str, needle: _Needle) -> Iterator[Span]:
    size = len(needle.text)
    at = low.find(needle.low)
    while at >= 0:
        exact = text[at : at + size] == needle.text
        if (exact and _is_word(text, at, size)) or (not exact and needle.in_any_case):
            yield at, at + size
        at = low.find(needle.low, at + size)
    for offset, block in needle.blocks:
        at = low.find(block)
        while at >= 0:
            start, end = _extend(low, at, needle, offset)
            if _is_telling(text[start:end]):
                yield start, end
            # only a block that repeats itself could begin within its first half once more
            at = low.find(block, max(at + len(block) // 2, end - len(block) + 1))


def _extend(low: str, at: int, needle: _Needle, offset: int) -> Span:
    """Return the span of the longest part of the needle around its block at ``offset``."""
    end, stop = at + needle.part, offset + needle.part
    before = _alike(lambda size: low[at - size : at] == needle.low[offset - size : offset],
                    min(at, offset))  # fmt: skip
    after = _alike(lambda size: low[end : end + size] == needle.low[stop : stop + size],
                   min(len(low) - end, len(needle.low) - stop))  # fmt: skip
    return at - before, end + after


def _alike(is_alike: Callable[[int], bool], most: int) -> int:
    """Return how many characters are alike, at most ``most``; they are compared many at once."""
    least, more = 0, most + 1  # alike, not alike
    step = 8
    while more - least > 1:
        size = min(least + step, (least + more) // 2 if more <= most else most)
        if is_alike(size):
            least, step = size, step * 4
        else:
            more = size
    return least


def _is_telling(part: str) -> bool:
    """Tell whether a part of a secret is more than an ordinary word."""
    return len(part) >= WORDS or not part.translate(_IN_WORDS).isalpha()


def _is_word(text: str, at: int, size: int) -> bool:
    """Tell whether a text there is not a part of a word, if it is very short."""
    if size >= FEWEST:
        return True
    return not (text[at - 1 : at].isalnum() or text[at + size : at + size + 1].isalnum())


def _lower(text: str) -> str:
    """Return the text in lower case, each character in its place: only one becomes two."""
    if "\u0130" not in text:
        return text.lower()
    return "\u0130".join([part.lower() for part in text.split("\u0130")])
