"""The last operator events, kept in memory for the console and the API."""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final, get_args

from gatepost.model.rfc3339 import utc_text
from gatepost.operator_log.sentences import LEVELS, Level, format_event

Document = dict[str, Any]
MOST: Final = 1_000
"""Events that are kept; the oldest are forgotten."""
_LEVELS: Final[tuple[Level, ...]] = get_args(Level)


class EventLog:
    """What happened since the start, newest first."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._events: deque[tuple[int, datetime, str, Mapping[str, Any]]] = deque(maxlen=MOST)
        self._number = 0

    def take(self, event: str, facts: Mapping[str, Any]) -> None:
        """Keep an event; its sentence is made only when it is asked for."""
        self._number += 1
        self._events.append((self._number, self._now(), event, facts))

    async def operate(self, operation: str, fields: Mapping[str, Any]) -> Document:
        """``list`` the events, newest first: with an ``event``'s name, of a ``level`` and above, or
        with a ``text`` in their sentences. Raises ValueError."""
        if operation != "list":
            raise ValueError(f"unknown operation {operation[:40]!r}")
        level, name = str(fields.get("level") or "info"), str(fields.get("event") or "")
        if level not in _LEVELS:
            raise ValueError(f"level is one of {', '.join(_LEVELS)}")
        wanted, text = _LEVELS[_LEVELS.index(level) :], str(fields.get("text") or "").lower()
        limit = min(int(fields.get("limit") or MOST), MOST)
        before = _number(fields.get("after"))
        found = (
            document
            for number, at, event, facts in reversed(self._events)
            if (before is None or number < before)
            and name in ("", event)
            and LEVELS.get(event, "info") in wanted
            and text in (document := _document(number, at, event, facts))["sentence"].lower()
        )
        listed = list(islice(found, limit))
        is_cut = len(listed) == limit and next(found, None) is not None
        return {"log": listed, "cursor": str(listed[-1]["number"]) if is_cut else None}


def _document(number: int, at: datetime, event: str, facts: Mapping[str, Any]) -> Document:
    return {
        "number": number,
        "at": utc_text(at),
        "event": event,
        "level": LEVELS.get(event, "info"),
        "sentence": "the server is ready" if event == "ready" else format_event(event, facts),
        "session": facts.get("session") or None,
    }


def _number(cursor: Any) -> int | None:
    """Return the number in a cursor. Raises ValueError."""
    if cursor in (None, ""):
        return None
    text = str(cursor)
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ValueError("after is not a cursor of this list")
    return int(text)
