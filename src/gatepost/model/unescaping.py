"""Undoes the escapes with which programs write text: those of JSON, Python, C, URLs, HTML and
quoted-printable, also several on top of each other."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

ROUNDS: Final = 4
"""Maximum number of escapes on top of each other."""
_HEX: Final = "[0-9A-Fa-f]"
_ESCAPE: Final = (
    rf"(?:\\++|%)u(?P<high>[Dd][89ABab]{_HEX}{{2}})(?:\\++|%)u(?P<low>[Dd][C-Fc-f]{_HEX}{{2}})"
    rf"|\\++(?:(?P<code>[ux]\{{{_HEX}{{1,8}}\}}|u{_HEX}{{4}}|U{_HEX}{{8}}|x{_HEX}{{2}})"
    r"|(?P<octal>[0-7]{1,3})|(?P<letter>[abfnrtv -/:-@\[\]^_`{|}~]))"
    r"|(?P<backslashes>\\{2,}+)"
    rf"|%u(?P<unicode>{_HEX}{{4}})|[%=](?P<octet>{_HEX}{{2}})|(?P<soft>=[ \t]*+\r?\n)"
    rf"|&\#0*(?P<decimal>\d{{1,7}});?|&\#[Xx]0*(?P<hex>{_HEX}{{1,6}});?"
    r"|&(?P<entity>(?:UNENDED);?|[A-Za-z][A-Za-z0-9]{1,31};)"
    r"|(?P<nothing>\0++)|(?P<raw>[\udc80-\udcff])"
    r"|(?P<utf8>[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})"
)
_SIGN: Final = re.compile(
    "[\\\\%=&\0\xc2-\xf4\udc80-\udcff]"
    "(?<![\xc2-\xf4](?![\x80-\xbf]))(?<!&(?![#A-Za-z]))(?<!%(?![0-9A-Fa-fu]))"
    "(?<!=(?![0-9A-Fa-f \t\r\n]))"
)
"""An escape begins with one of these, except before what none continues with. To look for them
first is many times faster."""
_LETTERS: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

Placed = tuple[str, list[int]]
"""A text, and where each of its characters, and its end, was in the original."""


@cache
def _expression() -> re.Pattern[str]:
    """Compile the expression when it is first needed: it is long, and most texts have no sign.

    Of two entities that need no semicolon, the longer one comes first.
    """
    unended = sorted((each for each in _entities() if each[-1] != ";"), reverse=True)
    return re.compile(_ESCAPE.replace("UNENDED", "|".join(unended)))


@cache
def _entities() -> Mapping[str, str]:
    from html.entities import html5  # noqa: PLC0415 - large

    return html5


def is_escaped(text: str) -> bool:
    """Tell whether there is anything to undo."""
    return next(_escapes(text), None) is not None


def unescape(text: str) -> str:
    """Return the text without any escapes."""
    for plain in unescaped_texts(text):
        text = plain
    return text


def unescaped_texts(text: str) -> Iterator[str]:
    """Yield what ``unescaped`` does, without the offsets."""
    for _ in range(ROUNDS):
        parts: list[str] = []
        end = 0
        for match in _escapes(text):
            parts += (text[end : match.start()], _meaning(match))
            end = match.end()
        if not parts:
            return
        text = "".join((*parts, text[end:]))
        yield text


def _escapes(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while sign := _SIGN.search(text, at):
        match = _expression().match(text, sign.start())
        if match is not None:
            yield match
        at = (match or sign).end()


def unescaped(text: str) -> Iterator[Placed]:
    """Yield the text without its outermost escapes, then without the next ones, and so on.

    Octets are decoded as UTF-8 where they can be; NUL, as in ASCII that was written as UTF-16, is
    left out. Takes linear time.
    """
    placed = text, [*range(len(text) + 1)]
    for _ in range(ROUNDS):
        if not is_escaped(placed[0]):
            return
        placed = _undo_one(*placed)
        yield placed


def _undo_one(text: str, offsets: list[int]) -> Placed:
    parts: list[str] = []
    at: list[int] = []
    end = 0
    for match in _escapes(text):
        start, meaning = match.start(), _meaning(match)
        parts += (text[end:start], meaning)
        at += offsets[end:start]
        at += [offsets[start]] * len(meaning)
        end = match.end()
    parts.append(text[end:])
    return "".join(parts), at + offsets[end:]


def _meaning(match: re.Match[str]) -> str:
    kind = match.lastgroup
    code = match[kind] if kind else ""
    match kind:
        case "low":
            both = bytes.fromhex(match["high"] + code)
            return both.decode("utf-16-be")
        case "code":
            return _character(int(code[1:].strip("{}"), 16), match[0])
        case "octal":
            return _character(int(code, 8), match[0])
        case "unicode" | "octet" | "hex":
            return _character(int(code, 16), match[0])
        case "decimal":
            return _character(int(code), match[0])
        case "letter":
            return _LETTERS.get(code, code)
        case "backslashes":
            return "\\"
        case "entity":
            return _entities().get(code, match[0])
        case "raw":
            return chr(ord(code) - 0xDC00)
        case "utf8":
            return _from_utf8(code)
    return ""  # "soft" and "nothing"


def _character(code: int, otherwise: str) -> str:
    return chr(code) if code <= 0x10FFFF else otherwise


def _from_utf8(octets: str) -> str:
    try:
        return octets.encode("latin-1").decode()
    except UnicodeDecodeError:
        return octets
