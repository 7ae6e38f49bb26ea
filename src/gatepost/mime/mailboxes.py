"""Parses the mailboxes of a From field (RFC 5322 3.4), with our own parser.

The standard library's results for hostile input changed between patch releases, but who may send
must not depend on that. A field that two readers could interpret differently is refused.
"""

import re
from functools import lru_cache
from typing import Final

from gatepost.model.address import Address, parse_address

_PLAIN: Final = re.compile(
    r"[^\"(),:;<>@\[\]\\]*<([^\"(),:;<>\s]+)>|[^\"(),:;<>\s\\][^\"(),:;<>@\s\\]*@[^\"(),:;<>\s\\]+"
)
_QUOTED: Final = r'"(?:\\.|[^"\\])*+("?)'
"""Its group is empty if the quote is not closed."""
_OUTSIDE: Final = re.compile(rf'{_QUOTED}|\(|[^"()]+|.', re.DOTALL)
_COMMENT: Final = re.compile(r"\\.|[()]|[^\\()]+", re.DOTALL)
_TOKEN: Final = re.compile(rf'{_QUOTED}|[<>,;:]|[^"<>,;:]+|.', re.DOTALL)

_BLANK: Final = " \t"
CACHED: Final = 256
"""Fields whose mailboxes are cached: a sender's is the same every time."""
SHORT: Final = 512
"""Maximum characters of a cached field."""


def parse_mailboxes(field: str) -> tuple[Address, ...]:
    """Return every mailbox in ``field``, in order.

    Raises ValueError if there is none, or if it contains something else.
    """
    return _parse_short(field) if len(field) <= SHORT else _parse(field)


def _parse(field: str) -> tuple[Address, ...]:
    plain = _PLAIN.fullmatch(field)
    if plain is not None:
        return (_mailbox(plain[1] or field),)
    reader = _Reader()
    for match in _TOKEN.finditer(without_comments(field)):
        reader.take(match[0])
    reader.finish()
    if not reader.mailboxes:
        raise ValueError("the field contains no mailbox")
    return tuple(reader.mailboxes)


def _mailbox(spec: str) -> Address:
    """Return the mailbox; one that some readers decode into another is invalid (RFC 2047 5)."""
    if "=?" in spec:
        raise ValueError("an encoded word within an address")
    return parse_address(spec)


_parse_short: Final = lru_cache(maxsize=CACHED)(_parse)


def without_comments(field: str, instead: str = " ") -> str:
    """Replace each comment by a blank (RFC 5322 3.2.2): a quote within one is not a quote.

    Raises ValueError if a comment or a quote does not end.
    """
    pieces: list[str] = []
    at = 0
    while at < len(field):
        match = _OUTSIDE.match(field, at)
        assert match is not None  # noqa: S101  # it matches any character
        at = match.end()
        if match[0] == "(":
            at = _end_of_comment(field, at)
            pieces.append(instead)
        elif match[1] == "" or match[0] == ")":
            raise ValueError("an unclosed quote or bracket")
        else:
            pieces.append(match[0])
    return "".join(pieces)


def _end_of_comment(field: str, at: int) -> int:
    depth = 1
    for match in _COMMENT.finditer(field, at):
        depth += (match[0] == "(") - (match[0] == ")")
        if depth == 0:
            return match.end()
    raise ValueError("an unclosed comment")


class _Reader:
    """Takes tokens; an angle-addr wins over the phrase before it."""

    def __init__(self) -> None:
        self.mailboxes: list[Address] = []
        self._word: list[str] = []
        """Tokens, like ``_angle``: appending to a text would take quadratic time."""
        self._angle: list[str] | None = None
        self._in_angle = False

    def take(self, token: str) -> None:
        """Take the next token. Raises ValueError where it is not permitted."""
        if self._angle is not None and self._in_angle:
            if token == ">":
                self._in_angle = False
            else:
                self._angle.append(token)
        elif token in ",;":
            self.finish()
        elif self._angle is not None:
            if token.strip(_BLANK):
                raise ValueError("text behind an address")
        elif token == "<":
            self._in_angle, self._angle = True, []
        elif token == ":":
            if any("@" in each for each in self._word):
                raise ValueError("a group with an address for its name")
            self._word = []
        elif token == ">" or ("\\" in token and not token.startswith('"')):
            raise ValueError("a bracket or backslash that opens nothing")
        else:
            self._word.append(token)

    def finish(self) -> None:
        """End one mailbox. Raises ValueError if it is invalid."""
        if self._in_angle:
            raise ValueError("an unclosed bracket")
        spec = "".join(self._word if self._angle is None else self._angle)
        if spec.strip(_BLANK) or self._angle is not None:
            self.mailboxes.append(_mailbox(spec.strip(_BLANK)))
        self._word, self._angle = [], None
