"""The links of a message: what a reader could open."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

LONGEST_TEXT: Final = 500_000
"""Maximum characters of a text that are searched."""
LONGEST_URL: Final = 8_192
MOST: Final = 1_000
"""Maximum number of links of a message."""
_URL: Final = re.compile(r"https?://[^\s<>\"`{}|\\^\u3000-\u303f\uff00-\uffef]+", re.IGNORECASE)
_TRAILING: Final = ".,;:!?'*_~"
_PAIRS: Final = {")": "(", "]": "["}
_HTTP: Final = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MessageLink:
    """A URL, with the texts that lead to it, joined by " | "; empty in plain text."""

    url: str
    text: str
    where: Literal["text", "html"]


def find_links(text: str, html_links: Iterable[tuple[str, str]]) -> Sequence[MessageLink]:
    """Return the http and https links of a message, each URL once: of its HTML, then of its text.

    ``html_links`` are pairs of target and text.
    """
    texts: dict[str, list[str]] = {}
    where: dict[str, Literal["text", "html"]] = {}
    for target, shown in html_links:
        url = target.strip()
        if _HTTP.match(url) and len(url) <= LONGEST_URL:
            where.setdefault(url, "html")
            if shown and shown not in texts.setdefault(url, []):
                texts[url].append(shown)
    for url in _urls(text[:LONGEST_TEXT]):
        where.setdefault(url, "text")
    return [
        MessageLink(url, " | ".join(texts.get(url, ())), where[url]) for url in list(where)[:MOST]
    ]


def _urls(text: str) -> Iterator[str]:
    for match in _URL.finditer(text):
        url = _without_punctuation(match[0][:LONGEST_URL])
        if _HTTP.match(url):
            yield url


def _without_punctuation(url: str) -> str:
    """Return a URL without what ends its sentence; brackets stay if they are opened in it."""
    end = len(url)
    unopened = {last: url.count(last) - url.count(first) for last, first in _PAIRS.items()}
    while end and (url[end - 1] in _TRAILING or unopened.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in unopened:
            unopened[url[end]] -= 1
    return url[:end]
