"""Marks: the id of a delivery as others carry it, and bring it back with what became of the mail.

A mark is the local part of the address to which bounces come back, or a value in a header field
that a provider repeats in its events. It is signed, so that nobody can report about mail that he
did not get, and for a purpose: recipients who see it in a header field cannot send a bounce to it,
and no provider can report about mail of another target. It has letters in lower case only, because
some servers fold addresses.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_DIGEST: Final = 8
"""Octets of the signature: it is guessed online, if at all."""
_MARK: Final = re.compile(
    r"(?P<message>[a-z0-9-]{1,40})\.(?P<part>\d{1,5})(?:\.(?P<place>\d{1,5}))?"
    r"\.(?P<digest>[0-9a-f]{16})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class MarkedDelivery:
    """What a mark says."""

    message: str
    delivery: str
    """Its id."""
    place: int | None = None
    """The place of the recipient among those of the delivery; None: it went to several."""


class DeliveryMarks:
    """Makes and reads marks; ``key`` are 32 octets of their own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, purpose: str, delivery: str, place: int | None = None) -> str:
        """Return the mark of a delivery, or of one recipient of it."""
        text = delivery if place is None else f"{delivery}.{place}"
        return f"{text}.{self._digest(purpose, text)}"

    def read(self, mark: str, purposes: Iterable[str]) -> MarkedDelivery:
        """Return what a mark for one of ``purposes`` says, in whatever case. Raises ValueError if
        it is none of ours."""
        match = _MARK.fullmatch(mark.strip().lower())
        if match is None:
            raise ValueError("not a mark")
        text = mark.strip().lower().rpartition(".")[0]
        made = [self._digest(each, text) for each in purposes]
        if not any(hmac.compare_digest(each, match["digest"]) for each in made):
            raise ValueError("not a mark of this relay")
        place = None if match["place"] is None else int(match["place"])
        return MarkedDelivery(match["message"], f"{match['message']}.{match['part']}", place)

    def _digest(self, purpose: str, text: str) -> str:
        signed = f"{purpose}\n{text}".encode()
        return hashlib.blake2b(signed, key=self._key, digest_size=_DIGEST).hexdigest()


def for_events(target: str) -> str:
    """Return the purpose of marks that a provider repeats in its events."""
    return f"events of {target}"


def for_bounces(target: str) -> str:
    """Return the purpose of marks that are addresses for bounces."""
    return f"bounces of {target}"
