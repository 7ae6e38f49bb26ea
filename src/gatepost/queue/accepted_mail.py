"""By what a provider's event finds a delivery that it does not name by our mark.

The keys are those of mail that one target took: the id that the provider gave to a message when it
took it, the message's own Message-ID, and the recipient. Pure.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from gatepost.model.reply import Reply

MOST: Final = 4
"""Ids that are read from a reply."""
LONGEST: Final = 200
"""Characters of a key."""
_SHORTEST: Final = 8
_WORD: Final = re.compile(r"[^\s\"'<>()\[\];,=]{8,200}")
_TIME: Final = re.compile(r"\d{1,11}")
"""Seconds since 1970, in some replies, are no id."""


class AcceptedMail(NamedTuple):
    """What a key stands for."""

    message: str
    delivery: str = ""
    """Empty: any of the message's."""
    place: int | None = None
    """That of the recipient; None: any of the delivery's."""

    def written(self) -> str:
        """Return it as a text."""
        parts = [self.message, self.delivery, "" if self.place is None else str(self.place)]
        return " ".join(parts).rstrip()


def read_accepted(text: str) -> AcceptedMail:
    """Return what ``written`` wrote."""
    message, _, rest = text.partition(" ")
    delivery, _, place = rest.partition(" ")
    return AcceptedMail(message, delivery, int(place) if place.isdecimal() else None)


def scope_of(target: str) -> str:
    """Return the scope of notes about mail that a target took."""
    return f"accepted {target}"


def ids_in(reply: Reply) -> Sequence[str]:
    """Return the words of a reply that took a message which may be the provider's id of it."""
    words = [word.strip(".:") for line in reply.lines for word in _WORD.findall(line[:1_000])]
    likely = [each for each in words if _may_be_id(each)]
    return tuple(dict.fromkeys(likely))[:MOST]


def _may_be_id(word: str) -> bool:
    has_digit = any(each.isdigit() for each in word)
    return has_digit and len(word) >= _SHORTEST and not _TIME.fullmatch(word)


def id_key(id: str) -> str:
    """Return the key of a provider's id; empty for none."""
    return _key("id", id)


def id_keys(id: str) -> Sequence[str]:
    """Return the keys of an id in an event, of which the beginning may be what the reply said
    (SendGrid: ``ID.filter...``)."""
    plain = _plain(id)
    return [key for key in (id_key(plain), id_key(plain.partition(".")[0])) if key]


def message_id_key(message_id: str) -> str:
    """Return the key of a Message-ID; empty for none."""
    return _key("message", message_id)


def recipient_key(folded: str) -> str:
    """Return the key of the last message to a recipient."""
    return _key("recipient", folded)


def _key(kind: str, text: str) -> str:
    plain = _plain(text)
    return f"{kind} {plain}" if plain and len(plain) <= LONGEST else ""


def _plain(text: str) -> str:
    return text.strip().strip("<>").strip()
