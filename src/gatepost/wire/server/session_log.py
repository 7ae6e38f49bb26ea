"""What happens in a session, noted quickly, because mail waits for it; it is read later."""

from collections.abc import Callable, Container
from typing import Any, Final

MOST_NOTES: Final = 90
"""Items of a log, after which it is read: more than a login and a message need."""
LONG: Final = 1_000
"""Octets of a note, after which a log is read."""
SIZE: Final = 8_192
"""Octets of memory counted for a log that was not read."""


class SessionLog:
    """The notes of one session.

    Each takes three items of ``notes``: what it is, the time by ``clock``, and its value. What it
    is, is a method of ``SessionTranscript`` that takes the time and the value, or something that
    only ``read`` knows. Whoever adds much to it calls ``read`` when there are more than ``most``
    items, or a long one.
    """

    __slots__ = ("clock", "commands", "most", "notes")

    clock: Callable[[], float]
    """Returns seconds."""
    notes: list[Any]
    """Always the same list."""
    most: int
    commands: Container[bytes]
    """The verbs that the session knows."""

    def read(self) -> None:
        """Read the notes, and forget them."""
        raise NotImplementedError
