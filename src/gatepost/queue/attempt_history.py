"""The attempts of a delivery that are kept: enough to explain it, however many there were."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gatepost.model.delivery import Attempt

MOST: Final = 5
"""Attempts that are kept."""


def remember(history: Sequence[Attempt], new: Attempt) -> tuple[Attempt, ...]:
    """Return the history with one more attempt. If the last one at the same target ended in the
    same way, the two are counted as one, even if other targets were asked in between."""
    for place in reversed(range(len(history))):
        last = history[place]
        if _is_alike(last, new):
            merged = replace(new, times=last.times + new.times, since=last.since or last.at)
            return (*history[:place], *history[place + 1 :], merged)
        if last.contact.target == new.contact.target:
            break
    return (*history, new)[-MOST:]


def _is_alike(one: Attempt, other: Attempt) -> bool:
    """Tell whether two attempts count as one, even at different addresses of the same host."""
    return (one.contact.target, one.contact.host, one.phase, one.is_remote) == (
        other.contact.target,
        other.contact.host,
        other.phase,
        other.is_remote,
    ) and (one.reply.code, one.reply.status) == (other.reply.code, other.reply.status)
