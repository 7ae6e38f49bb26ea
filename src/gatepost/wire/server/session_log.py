"""What happens in a session, noted quickly, because mail waits for it; it is read later."""

from collections.abc import Callable
from typing import Any, Final

ROOM: Final = 4_096
"""Octets of memory for what was not read yet."""
NOTE_SIZE: Final = 80
"""Octets of memory counted for a note besides its text."""


class SessionLog:
    """The notes of one session.

    Each takes three places in ``notes``: what it is, the time by ``clock``, and its value. What it
    is, is a method of ``SessionTranscript`` that takes the time and the value, or something that
    only ``read`` knows. Whoever notes much takes its octets from ``room``, and calls ``read`` when
    there is none left.
    """

    __slots__ = ("clock", "notes", "room")

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` returns seconds."""
        self.clock = clock
        self.notes: list[Any] = []
        self.room = ROOM

    def read(self) -> None:
        """Read the notes, and forget them."""
        raise NotImplementedError
