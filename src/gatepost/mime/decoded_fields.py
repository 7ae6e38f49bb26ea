"""Fields of a header for people: unfolded and decoded (RFC 2047)."""

import re
from collections.abc import Iterable
from email.errors import MessageError
from email.header import decode_header, make_header
from typing import Any, Final

from gatepost.mime.charsets import decode_text, is_charset

LONGEST: Final = 16_384
"""Maximum characters of a field in which encoded words are decoded."""
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")


def decode_field(raw: str) -> str:
    """Return a field's value for people: unfolded, decoded (RFC 2047), without lone surrogates."""
    text = unfold_field(raw).strip()
    if "=?" not in text or len(text) > LONGEST:
        return text
    try:
        words = decode_header(text)
        if not all(charset is None or is_charset(charset) for _, charset in words):
            return text
        return readable(str(make_header(_join(_decoded(*word) for word in words))))
    except (ValueError, LookupError, MessageError):
        return text


def unfold_field(raw: str) -> str:
    """Return a field's value in one line, with encoded words as they are."""
    return readable(_FOLD.sub("", raw) if "\n" in raw else raw)


def readable(text: str) -> str:
    """Return text whose octets that are not ASCII are surrogates as text of its charset."""
    if text.isascii() and "\x1b" not in text:
        return text
    try:
        return decode_text(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:  # surrogates that are no octets, as UTF-7 has them
        return decode_text(text.encode("utf-8", "replace"))


def _join(words: Iterable[tuple[Any, str | None]]) -> list[tuple[Any, str | None]]:
    """Join encoded words that follow each other: what separates them is no text (RFC 2047 6.2)."""
    joined: list[tuple[Any, str | None]] = []
    for word, charset in words:
        if joined and charset is not None and joined[-1][1] is not None:
            joined[-1] = joined[-1][0] + word, charset
        else:
            joined.append((word, charset))
    return joined


def _decoded(word: str | bytes, charset: str | None) -> tuple[str | bytes, str | None]:
    if charset is None or isinstance(word, str):
        return word, charset
    return decode_text(word, charset).encode("utf-8", "replace"), "utf-8"
