"""The attempts of a delivery that are kept: enough to tell the story, however long it gets."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gatepost.model.delivery import Attempt

KEPT: Final = 5


def remember(history: Sequence[Attempt], new: Attempt) -> tuple[Attempt, ...]:
    """Return the history with one more attempt; one that ended as the last one at the same target
    did adds to it, for others of its chain may have been asked in between."""
    for place in reversed(range(len(history))):
        last = history[place]
        if _alike(last, new):
            merged = replace(new, times=last.times + new.times, since=last.since or last.at)
            return (*history[:place], *history[place + 1 :], merged)
        if last.contact.target == new.contact.target:
            break
    return (*history, new)[-KEPT:]


def _alike(one: Attempt, other: Attempt) -> bool:
    """What happened at another address of the same host is the same story."""
    return (one.contact.target, one.contact.host, one.phase, one.is_remote) == (
        other.contact.target,
        other.contact.host,
        other.phase,
        other.is_remote,
    ) and (one.reply.code, one.reply.status) == (other.reply.code, other.reply.status)
