"""The mailboxes of a From field (RFC 5322 3.4), found by our own grammar.

The standard library's answer to hostile input changed between patch releases;
who may send must not depend on that.
"""

import re
from typing import Final

from gatepost.model.address import Address, parse_address

_PLAIN: Final = re.compile(
    r"[^\"(),:;<>@\[\]\\]*<([^\"(),:;<>\s]+)>|[^\"(),:;<>\s\\]+@[^\"(),:;<>\s\\]+"
)
_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|\\.|[()<>,;:]|[^"\\()<>,;:]+|.', re.DOTALL)


def parse_mailboxes(field: str) -> tuple[Address, ...]:
    """Return every mailbox that ``field`` names, in order.

    Raises ValueError when it names none, or holds something that is no mailbox.
    """
    plain = _PLAIN.fullmatch(field)
    if plain is not None:
        return (parse_address(plain[1] or field),)
    found = tuple(parse_address(spec) for spec in _addr_specs(field))
    if not found:
        raise ValueError("the field names no mailbox")
    return found


def _addr_specs(field: str) -> list[str]:
    """Split at commas outside quotes, comments and brackets; an angle-addr wins over a phrase."""
    specs: list[str] = []
    angle: str | None = None
    word, in_angle = "", False
    for token in [*_without_comments(field), ","]:
        if token == "<" and not in_angle:
            in_angle, angle = True, ""
        elif token == ">" and in_angle:
            in_angle = False
        elif in_angle:
            angle = (angle or "") + token.strip()
        elif token == ":":
            word = ""  # the display name of a group
        elif token in (",", ";"):
            spec = word.strip() if angle is None else angle
            if spec or angle is not None:
                specs.append(spec)
            word, angle = "", None
        else:
            word += token
    if in_angle:
        raise ValueError("an unclosed bracket")
    return specs


def _without_comments(field: str) -> list[str]:
    """Return the tokens outside comments, which nest (RFC 5322 3.2.2)."""
    kept: list[str] = []
    depth = 0
    for token in _TOKEN.findall(field):
        if token == "(":
            depth += 1
        elif token == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(token)
    if depth:
        raise ValueError("an unclosed comment")
    return kept
