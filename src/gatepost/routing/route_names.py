"""The name of a route that has none in the configuration, made from its match.

Deliveries wait under their route's name, so it must not depend on the route's place in the file:
otherwise a new route in front of it would change where waiting mail goes.
"""

import hashlib
import re
from typing import Final

from gatepost.model.route import Match

EVERYTHING: Final = "default"
"""The name of the route for all mail."""
_LENGTH: Final = 40
"""Characters of a name that describe the match; a digest is used for the rest."""
_OTHER: Final = re.compile(r"[^A-Za-z0-9._-]+")


def route_name(match: Match) -> str:
    """Return the name, which depends on the match only, and differs for every other match."""
    parts = [
        (word, patterns)
        for word, patterns in (
            ("to", match.recipients),
            ("from", match.senders),
            ("by", match.applications),
        )
        if patterns and "*" not in patterns
    ]
    if match.size is not None:
        parts.append(("up-to", (str(match.size),)))
    if not parts:
        return EVERYTHING
    readable = "-".join(f"{word}-{_spelled(min(patterns))}" for word, patterns in parts)
    if len(readable) <= _LENGTH and all(_is_plain(patterns) for _, patterns in parts):
        return readable
    match_text = repr([(word, sorted(set(patterns))) for word, patterns in parts])
    digest = hashlib.blake2b(match_text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{readable[:_LENGTH].rstrip('.-')}-{digest}"


def _spelled(pattern: str) -> str:
    words = pattern.replace("<>", "nobody").replace("*.", "below.").replace("*", "any")
    return _OTHER.sub("-", words.replace("@", "-at-")).strip(".-")


def _is_plain(patterns: tuple[str, ...]) -> bool:
    """Tell whether it is a single domain, whose spelling is the name."""
    return len(patterns) == 1 and _spelled(patterns[0]) == patterns[0]
