"""Patterns with a wildcard, which stands for any characters."""

from collections.abc import Sequence


def matches_parts(parts: Sequence[str], text: str) -> bool:
    """Tell whether ``text`` consists of ``parts`` in order, with any characters between them.

    Each part is taken where it occurs first: if the others do not follow there, they do not follow
    a later place. So the time does not grow with the number of ways in which the parts may fit.
    """
    first, *others = parts
    if not others:
        return text == first
    *middle, last = others
    if not text.startswith(first):
        return False
    at = len(first)
    for part in middle:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return len(text) - at >= len(last) and text.endswith(last)
