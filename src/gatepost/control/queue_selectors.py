"""The selectors of ``gatepost queue`` and of its API, as fields of an operation."""

import math
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from gatepost.model.delivery import State
from gatepost.model.expressions import MAX_PATTERN
from gatepost.queue.deliveries_contract import QueueSelection

SELECTORS: Final = (
    "target", "next_hop", "sender", "recipient", "older_than", "newer_than", "cause", "state",
    "states",
)  # fmt: skip
_STATES: Final = frozenset(get_args(State))
_OLDEST: Final = 100 * 365 * 86_400
"""Seconds."""


def has_selector(fields: Mapping[str, Any]) -> bool:
    """Tell whether fields select deliveries by what they are."""
    return any(fields.get(each) not in (None, "", [], ()) for each in SELECTORS)


def read_selection(
    fields: Mapping[str, Any], now: datetime, first_of: Collection[str] = ()
) -> QueueSelection:
    """Return the selection that fields describe. Ages are in seconds. ``first_of`` are the routes
    whose first target is the one in ``target``. Raises ValueError."""
    one = fields.get("state")
    states = (str(one),) if one else tuple(fields.get("states", ()))
    if unknown := set(states) - _STATES:
        raise ValueError(f"there is no state {', '.join(sorted(unknown))}")
    return QueueSelection(
        next_hop=_text(fields, "next_hop"),
        states=states,
        sender=_pattern(fields, "sender"),
        recipient=_pattern(fields, "recipient"),
        received_before=_time(fields, "older_than", now),
        received_after=_time(fields, "newer_than", now),
        cause=_text(fields, "cause"),
        target=_text(fields, "target"),
        first_of=frozenset(first_of),
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    return str(fields.get(name) or "")


def _pattern(fields: Mapping[str, Any], name: str) -> str:
    pattern = _text(fields, name)
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"{name} has up to {MAX_PATTERN} characters")
    if pattern and "@" not in pattern and "*" not in pattern and pattern != "<>":
        raise ValueError(f"{name} is an address, @domain, or a pattern with *, not {pattern!r}")
    return pattern


def _time(fields: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    if fields.get(name) in (None, ""):
        return None
    try:
        age = float(fields[name])
    except (TypeError, ValueError):
        age = math.nan
    if not 0 <= age <= _OLDEST:
        raise ValueError(f"{name} is a number of seconds, up to 100 years")
    return now - timedelta(seconds=age)
