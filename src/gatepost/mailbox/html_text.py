"""The text and the links of HTML, as a reader sees them.

nh3 reduces HTML that is not too complex for it (``html_limits``) to a few well-formed tags.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final

from gatepost.mailbox.html_limits import is_too_complex

_LINES: Final = frozenset({
    "address", "article", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "fieldset",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
    "nav", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
"""Tags that begin and end a line."""
_CELLS: Final = frozenset({"td", "th"})
_TAGS: Final = {*_LINES, *_CELLS, "a", "img", "area", "map", "tbody", "thead", "tfoot"}
_ATTRIBUTES: Final = {"a": {"href"}, "area": {"href", "alt"}, "img": {"alt"}}
_SILENT: Final = {"script", "style", "head", "title", "template", "noscript", "object"}
_TOKEN: Final = re.compile(r"<(/?)([a-z][a-z0-9]*+)((?:[^<>\"]++|\"[^\"]*+\")*+)>|([^<]+)")
_ANY_TAG: Final = re.compile(r"<[^<>]*+>?")
_LONGEST_UNPARSED: Final = 262_144
"""Maximum characters of HTML that is only read as text: no other thread runs meanwhile."""
_ATTRIBUTE: Final = re.compile(r"(href|alt)=\"([^\"]*)\"")


@dataclass(frozen=True, slots=True)
class HtmlText:
    """What HTML shows: lines of text, and where links lead, with their texts."""

    text: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """Pairs of target and text, in order. A target may be of any scheme."""


def read_html(html: str) -> HtmlText:
    """Return the text and links of HTML."""
    html = html.encode("utf-8", "replace").decode()
    if not html or is_too_complex(html):
        return HtmlText("\n".join(_lines(_ANY_TAG.sub(" ", html[:_LONGEST_UNPARSED]))))
    import nh3  # noqa: PLC0415 - large, and much mail has no HTML

    clean = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_SILENT,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https"},
        link_rel=None,
    )
    return _Reader().read(clean)


class _Reader:
    def __init__(self) -> None:
        self._words: list[str] = []
        self._links: list[tuple[str, str]] = []
        self._target: str | None = None
        self._link_words: list[str] = []

    def read(self, clean: str) -> HtmlText:
        for token in _TOKEN.finditer(clean):  # not all at once: other threads run between them
            closing, tag, attributes, text = token.groups("")
            if text:
                self._add(unescape(text).replace("\n", " "))
            else:
                self._meet(tag, dict(_ATTRIBUTE.findall(attributes)), closes=bool(closing))
        self._end_link()
        return HtmlText("\n".join(_lines("".join(self._words))), tuple(self._links))

    def _meet(self, tag: str, attributes: dict[str, str], *, closes: bool) -> None:
        if tag in _LINES:
            self._add("\n")
        elif tag in _CELLS:
            self._add(" ")
        elif tag in ("img", "area") and (alt := unescape(attributes.get("alt", ""))):
            self._link_words.append(f" {alt} ")
        if tag in ("a", "area"):
            self._end_link()
            if not closes and "href" in attributes:
                self._target = unescape(attributes["href"])
                if tag == "area":
                    self._link_words.append(unescape(attributes.get("alt", "")))
                    self._end_link()

    def _add(self, text: str) -> None:
        self._words.append(text)
        if self._target is not None:
            self._link_words.append(text)

    def _end_link(self) -> None:
        if self._target is not None:
            self._links.append((self._target, " ".join("".join(self._link_words).split())))
        self._target, self._link_words = None, []


def _lines(text: str) -> Iterator[str]:
    """Yield lines, blanks joined; empty ones once."""
    was_empty = True
    for line in text.split("\n"):
        words = " ".join(line.split())
        if words or not was_empty:
            yield words
        was_empty = not words
