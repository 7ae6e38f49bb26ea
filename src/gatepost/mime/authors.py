"""Finds everybody who may seem to have written a message.

Some readers show the display name only, and some take an address in it for the author. So every
address that a From field shows counts, also one in a comment, in quotes or in encoded words.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from gatepost.mime.from_fields import from_fields
from gatepost.mime.mailboxes import parse_mailboxes
from gatepost.mime.shown_addresses import shown_addresses
from gatepost.model.address import Address, parse_address
from gatepost.model.idn import fold_domain

MOST_AUTHORS: Final = 50
"""Maximum number of addresses in the From fields of a message."""
CACHED: Final = 256
"""Fields whose authors are cached: a sender's is the same every time."""
SHORT: Final = 512
"""Maximum characters of a cached field."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def read_authors(content: bytes | bytearray) -> tuple[Address, ...]:
    """Return every address in the From fields of a message, without duplicates.

    ``content`` may end after MAX_HEADER + 1 octets. Raises ValueError, with the reason, if two
    readers may find different authors.
    """
    addresses: dict[Address, None] = {}
    for field in from_fields(content):
        addresses |= dict.fromkeys(find_authors(field))
        _check_number(len(addresses))
    return tuple(addresses)


def find_authors(field: str) -> tuple[Address, ...]:
    """Return the mailboxes of a From field, and all other addresses that it shows.

    Raises ValueError, with the reason, if two readers may find different ones.
    """
    return _find_in_short(field) if len(field) <= SHORT else _find(field)


def _find(field: str) -> tuple[Address, ...]:
    if _CONTROL.search(field):
        raise ValueError("a control character in the From field")
    mailboxes = parse_mailboxes(field)
    _check_number(len(mailboxes))
    if field.isascii() and field.count("@") == 1 and "=?" not in field:
        return mailboxes
    return (*mailboxes, *_others(field, mailboxes))


_find_in_short: Final = lru_cache(maxsize=CACHED)(_find)


def _others(field: str, mailboxes: Sequence[Address]) -> Iterator[Address]:
    for each in mailboxes:
        if each.local.startswith('"'):  # its text may look like another address
            field = field.replace(str(each), each.local)
    addresses = set(map(_folded, mailboxes))
    for candidate in shown_addresses(field):
        address = parse_address(candidate)
        if _folded(address) not in addresses:
            addresses.add(_folded(address))
            _check_number(len(addresses))
            yield address


def _folded(address: Address) -> str:
    return f"{address.local.lower()}@{fold_domain(address.domain)}"


def _check_number(addresses: int) -> None:
    if addresses > MOST_AUTHORS:
        raise ValueError("too many authors")
