"""Addresses at ``fail.gatepost.test`` that say what the server does with them, without any rule.

The local part, up to a ``+``, is ``451``, ``550-5.1.1``, ``slow-5``, ``drop``, ``first-451`` or
``message-552``. Nobody owns ``test`` (RFC 6761 6.2).
"""

import re
from typing import Final, Literal

from gatepost.failures.decision import Firing
from gatepost.failures.grammar import Actions
from gatepost.failures.reply_text import parse_reply_text
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply

RESERVED_DOMAIN: Final = "fail.gatepost.test"
MAX_SLOW: Final = 600
"""Seconds of ``slow-N``."""
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


def _reply(code: str, status: str) -> Reply | None:
    text = " ".join(filter(None, (code, status or f"{code[0]}.0.0", f"Scripted by {_ORIGIN}")))
    try:
        return parse_reply_text(text)
    except ValueError:  # as 450-5.1.1
        return None
