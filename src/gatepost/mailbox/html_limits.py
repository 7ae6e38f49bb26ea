"""Which HTML is parsed: parsers of HTML take time that grows with the square of some inputs."""

import re
from collections import Counter
from typing import Final

from gatepost.model.units import MIB

LONGEST: Final = 2 * MIB
"""Characters of HTML."""
_DEEPEST: Final = 500
"""Open elements. Each end tag is looked for in all of them."""
_MOST_TAGS: Final = 200_000
_MOST_WORK: Final = 8_000_000_000
"""The sum of length times character references of each text: every reference copies the text before
it. This much takes 0.1 s."""
_TAG: Final = re.compile(r"(/?)([a-zA-Z][a-zA-Z0-9]*+)")
_CLOSED_BY_OTHERS: Final = frozenset({
    "area", "base", "br", "col", "dd", "dt", "hr", "img", "input", "li", "link", "meta", "option",
    "p", "td", "th", "tr", "wbr",
})  # fmt: skip
"""Elements that do not nest without others between them."""


def is_too_complex(html: str) -> bool:
    """Tell whether HTML is so long, so deeply nested, or so full of character references that it
    is shown as text."""
    if len(html) > LONGEST or html.count("<") > _MOST_TAGS:
        return True
    work = depth = 0
    opened: Counter[str] = Counter()
    for piece in html.split("<"):
        work += piece.count("&") * len(piece)
        tag = _TAG.match(piece)
        if tag is None:
            continue
        name = tag[2].lower()
        if name in _CLOSED_BY_OTHERS:
            continue
        if not tag[1]:
            opened[name] += 1
            depth += 1
        elif opened[name]:
            opened[name] -= 1
            depth -= 1
        if depth > _DEEPEST:
            return True
    return work > _MOST_WORK
