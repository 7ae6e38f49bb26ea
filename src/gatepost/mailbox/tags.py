"""Tags of messages: which names they may have, and what sets them when a message arrives."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

LONGEST: Final = 100
"""Maximum characters of a tag."""
MOST: Final = 50
"""Maximum number of tags of a message."""
_OTHERS: Final = re.compile(r"[^A-Za-z0-9 ._@-]")
_BLANKS: Final = re.compile(r" +")


def clean_tag(tag: str) -> str:
    """Return the name of a tag: other characters become spaces. Empty if nothing is left."""
    return _BLANKS.sub(" ", _OTHERS.sub(" ", tag)).strip()[:LONGEST].strip()


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the names of tags, each once without regard to case."""
    unique: dict[str, str] = {}
    for tag in tags:
        if name := clean_tag(tag):
            unique.setdefault(name.lower(), name)
            if len(unique) == MOST:
                break
    return tuple(unique.values())


def tags_of(field: str, addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the tags with which a message arrives: of its X-Tags ``field``, separated by commas,
    and of each ``+part`` of its addresses (RFC 5233)."""
    return clean_tags([*field.split(","), *_parts(addresses)])


def _parts(addresses: Iterable[str]) -> Iterator[str]:
    for address in addresses:
        yield from address.rpartition("@")[0].split("+")[1:]
