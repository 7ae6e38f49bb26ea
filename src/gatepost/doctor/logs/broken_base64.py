"""Base64 that a terminal, a mail program or an editor broke into lines, whose pieces are not
recognised as tokens."""

import re
from collections.abc import Iterator
from typing import Final

from gatepost.doctor.logs.auth_responses import decode, is_readable

MAX_PIECES: Final = 60
_SHORTEST: Final = 16
"""Minimum characters of base64 that are joined."""
_OF_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_.-"
_LONGEST: Final = 2_000
"""Characters at a line's end that are looked at."""
_HEAD: Final = re.compile(
    r"[>|\s]{0,8}(?![2-5]\d\d[ -])(?P<run>[A-Za-z0-9+/_.-]{2,}={0,2})"
    r"(?:$|(?=\\[rn]|[\"'<,]|\s*$))"
)
_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}")
"""How a JWT begins (RFC 7519)."""


def pieces(text: str) -> Iterator[str]:
    """Yield the pieces of each base64 text that continues over line ends."""
    lines = [line.rstrip("\r ") for line in text.split("\n")]
    covered = 0
    for number, line in enumerate(lines[:-1]):
        end = line[-_LONGEST:]
        tail = end[len(end.rstrip(_OF_BASE64)) :]
        if tail and (number >= covered or tail != line):
            found = _across(tail, lines[number + 1 : number + MAX_PIECES])
            covered = max(covered, number + len(found) - 1)
            yield from found


def _across(tail: str, following: list[str]) -> list[str]:
    found, whole, known = [tail], tail, 1
    for line in following:
        head = _HEAD.match(line)
        if head is None:
            break
        whole += head["run"]
        found.append(head["run"])
        if not _may_go_on(whole):
            break
        if len(whole) >= _SHORTEST:
            known = len(found)
        if head.end("run") < len(line) or whole.endswith("="):
            break
    return found[:known] if known > 1 else []


def _may_go_on(text: str) -> bool:
    """Tell whether it is the beginning, or the whole, of something readable, or of a token."""
    if _TOKEN.match(text):
        return True
    raw = decode(text[: len(text) - len(text) % 4].translate(_URL_SAFE))
    cuts = range(min(4, len(raw or b"")))  # a character may lie across the end
    return bool(raw) and any(is_readable((raw or b"")[: len(raw or b"") - cut]) for cut in cuts)


_URL_SAFE: Final = str.maketrans("-_", "+/")
