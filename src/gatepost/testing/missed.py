"""The text about a message that did not arrive: what arrived instead, and what was refused."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Protocol

SHOWN: Final = 5
"""Maximum number of lines of each kind, the newest ones."""
REFUSALS: Final = frozenset({"auth_refused", "refused", "message_refused", "not_stored"})


class Seen(Protocol):
    """What is shown of a captured message."""

    @property
    def subject(self) -> str:
        """Its subject, decoded."""

    @property
    def rcpt_to(self) -> tuple[str, ...]:
        """Its recipients."""


def missed(wanted: str, messages: Sequence[Seen], events: Sequence[Mapping[str, Any]]) -> str:
    """Return some lines. ``messages`` newest first, ``events`` oldest first."""
    here = (f"{each.subject!r} to {', '.join(each.rcpt_to)}" for each in messages)
    refused = (
        f"{each['reply']} ({each['reason']})"
        for each in reversed(events)
        if each.get("event") in REFUSALS
    )
    lines = [*_some("captured", here, len(messages)), *_some("refused", refused)]
    return "\n".join([wanted, *(lines or ["nothing was captured, and nothing was refused"])])


def _some(word: str, found: Iterable[str], count: int = 0) -> list[str]:
    shown = [f"  {word}: {each}" for each in islice(found, SHOWN)]
    return [*shown, f"  ... and {count - SHOWN} older"] if count > SHOWN else shown
