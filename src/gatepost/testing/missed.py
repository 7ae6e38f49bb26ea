"""The text about a message that did not arrive: what arrived instead, and what was refused."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Protocol

MOST: Final = 5
"""Maximum number of lines of each kind, the newest ones."""
REFUSALS: Final = frozenset({"auth_refused", "refused", "message_refused", "not_stored"})


class CapturedMail(Protocol):
    """What is shown of a captured message."""

    @property
    def subject(self) -> str:
        """Its subject, decoded."""

    @property
    def rcpt_to(self) -> tuple[str, ...]:
        """Its recipients."""


def missed(
    wanted: str, messages: Sequence[CapturedMail], events: Sequence[Mapping[str, Any]]
) -> str:
    """Return some lines. ``messages`` newest first, ``events`` oldest first."""
    here = (f"{each.subject!r} to {', '.join(each.rcpt_to)}" for each in messages)
    refused = (
        f"{each['reply']} ({each['reason']})"
        for each in reversed(events)
        if each.get("event") in REFUSALS
    )
    lines = [*_newest("captured", here, len(messages)), *_newest("refused", refused)]
    return "\n".join([wanted, *(lines or ["nothing was captured, and nothing was refused"])])


def _newest(word: str, lines: Iterable[str], count: int = 0) -> list[str]:
    newest = [f"  {word}: {each}" for each in islice(lines, MOST)]
    return [*newest, f"  ... and {count - MOST} older"] if count > MOST else newest
