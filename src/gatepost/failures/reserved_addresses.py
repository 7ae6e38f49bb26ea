"""Addresses at ``fail.gatepost.test`` that say what the server does with them, without any rule.

The local part, up to a ``+``, is ``451``, ``550-5.1.1``, ``slow-5``, ``drop``, ``first-451`` or
``message-552``. Nobody owns ``test`` (RFC 6761 6.2).
"""

import re
from typing import Final, Literal

from gatepost.failures.decision import Firing
from gatepost.failures.event_facts import EventFacts
from gatepost.failures.grammar import Actions
from gatepost.failures.reply_text import parse_reply_text
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply

RESERVED_DOMAIN: Final = "fail.gatepost.test"
MAX_SLOW: Final = 600
"""Seconds of ``slow-N``."""
MAX_ATTEMPTED: Final = 10_000
"""Addresses whose first attempt is remembered; the oldest are forgotten."""
_ORIGIN: Final = "fail.gatepost.test"
_FORM: Final = re.compile(
    r"(?:(first|message)-)?([45][0-9]{2})(?:-([45]\.[0-9]{1,3}\.[0-9]{1,3}))?|slow-([0-9]{1,3})|drop"
)

When = Literal["now", "first", "message"]


@dataclass(frozen=True, slots=True)
class ReservedFailure:
    """What an address says."""

    when: When
    """At the command, at the first attempt, or at the end of the content."""
    firing: Firing


def read_reserved(local: str) -> ReservedFailure | None:
    """Return what the local part of an address says; None if it says nothing."""
    name = local.partition("+")[0].lower()
    match = _FORM.fullmatch(name)
    if match is None:
        return None
    if name == "drop":
        return ReservedFailure("now", Firing(_ORIGIN, Actions(close="before")))
    if match[4]:
        seconds = min(float(match[4]), MAX_SLOW)
        return ReservedFailure("now", Firing(_ORIGIN, Actions(delay=seconds), seconds))
    reply = _reply(match[2], match[3] or "")
    when: When = {"first": "first", "message": "message"}.get(match[1] or "", "now")  # type: ignore[assignment]
    if reply is None:
        return None
    return ReservedFailure(when, Firing(_ORIGIN, Actions(reply=str(reply)), 0.0, reply))


class ReservedAddresses:
    """Decides about the events of these addresses, and counts their first attempts."""

    def __init__(self) -> None:
        self._attempted: dict[str, None] = {}

    def firing_at(self, facts: EventFacts) -> Firing | None:
        """Return what happens at an event; None if it concerns no such address."""
        if facts.stage not in ("mail", "rcpt", "message"):
            return None
        addresses = (facts.sender,) if facts.stage == "mail" else facts.recipients
        for address in (*addresses, facts.sender) if facts.stage == "message" else addresses:
            local, _, domain = address.rpartition("@")
            reserved = read_reserved(local) if domain.lower() == RESERVED_DOMAIN else None
            if reserved is not None and self._is_due(reserved.when, facts.stage, address):
                return reserved.firing
        return None

    def _is_due(self, when: When, stage: str, address: str) -> bool:
        if when == "message" or stage == "message":
            return when == stage
        if when == "now":
            return True
        is_first = address not in self._attempted
        self._attempted[address] = None
        if len(self._attempted) > MAX_ATTEMPTED:
            del self._attempted[next(iter(self._attempted))]
        return is_first


def is_refused_at_end(local: str) -> bool:
    """Tell whether a message to an address with this local part is refused at its end."""
    reserved = read_reserved(local)
    return reserved is not None and reserved.when == "message"


def _reply(code: str, status: str) -> Reply | None:
    text = " ".join(filter(None, (code, status or f"{code[0]}.0.0", f"Scripted by {_ORIGIN}")))
    try:
        return parse_reply_text(text)
    except ValueError:  # as 450-5.1.1
        return None
