"""Patterns with a wildcard, which stands for any characters."""

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def compile_wildcards(
    pattern: str, wildcard: str = "*", flags: int = re.IGNORECASE
) -> "re.Pattern[str]":
    """Return an expression for ``fullmatch``, whose time is linear in the text.

    A part between wildcards is taken where it occurs first: if the others do not follow there,
    they do not follow a later place.
    """
    first, *others = map(re.escape, pattern.split(wildcard))
    if others:
        between = "".join(f"(?>.*?{part})" for part in others[:-1] if part)
        first = f"{first}{between}.*{others[-1]}"
    return re.compile(first, flags | re.DOTALL)
