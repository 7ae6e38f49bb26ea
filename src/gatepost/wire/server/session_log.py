"""What happens in a session, noted quickly, because mail waits for it; it is read later."""

from collections.abc import Callable, Container
from typing import Any, Final

from gatepost.model.session_record import SessionLine

MOST_LINES: Final = 30
"""Lines of a log, after which it is read: more than a login and a message need."""
LONG: Final = 1_000
"""Octets of a line, after which a log is read."""
SIZE: Final = 8_192
"""Octets of memory counted for a log that was not read."""


class SessionLog:
    """The lines of one session that may be shown as they are, and notes of everything else.

    Whoever appends to ``lines`` calls ``read`` when there are more than ``most``, or a long one.
    """

    __slots__ = ("clock", "commands", "lines", "most", "notes")

    clock: Callable[[], float]
    """Returns seconds."""
    lines: list[SessionLine]
    """With the times of ``clock``; always the same list."""
    notes: list[tuple[int, Any, float, Any]]
    """The number of lines before it, what it is, the time, and its value. What it is, is a method
    of ``SessionTranscript`` that takes the time and the value, or something that only ``read``
    knows."""
    most: int
    commands: Container[bytes]
    """The verbs that the session knows."""

    def note(self, what: Any, value: Any) -> None:
        """Note what is not a line that may be shown as it is."""
        self.notes.append((len(self.lines), what, self.clock(), value))
        if len(self.notes) > self.most:
            self.read()

    def read(self) -> None:
        """Read the lines and the notes, and forget them."""
        raise NotImplementedError
