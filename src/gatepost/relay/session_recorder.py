"""Records the sessions of one process while they are open, within a bound of memory."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from typing import Final

from gatepost.model.operator_event import ReportEvent
from gatepost.model.session_record import SessionRecord
from gatepost.model.units import MIB
from gatepost.relay.session_recording import SessionRecording

MAX_OPEN: Final = 1_000
"""Open sessions with a transcript; the oldest ones of more are recorded without their lines."""
QUICK: Final = 250
"""Open sessions; the logs of more are read at once, because nobody counts the octets of a log."""
MAX_OPEN_SIZE: Final = 4 * MIB
"""Octets for the lines of open sessions, besides the latest of each."""


class SessionRecorder:
    """Records every session of a process; ``keep`` gets the recording of each that has ended."""

    def __init__(
        self,
        now: Callable[[], datetime],
        seconds: Callable[[], float],
        keep: Callable[[SessionRecording], None],
        note_message: Callable[[str, str], None] = lambda _message, _session: None,
    ) -> None:
        """``note_message`` gets the id of each message that is accepted, and of its session.
        ``seconds`` returns the time from some start, which is quicker to read than the date."""
        self._now, self._seconds, self._keep = now, seconds, keep
        self.note_message = note_message
        self._open: dict[str, SessionRecording] = {}
        """With their lines, oldest first."""
        self._sizes: dict[str, int] = {}
        self._size = 0
        self._prefix = secrets.token_hex(3)
        self._numbers = count(1)

    @property
    def records(self) -> Sequence[SessionRecord]:
        """The sessions that are open now, oldest first."""
        for each in list(self._open.values()):
            each.read()  # which may take the lines of others
        return [each.snapshot() for each in self._open.values()]

    def find(self, id_: str) -> SessionRecord | None:
        """Return an open session; None if there is none with this id."""
        recording = self._open.get(id_)
        return None if recording is None else recording.snapshot()

    def begin(self, peer: str, listener: str, lane: str, report: ReportEvent) -> SessionRecording:
        """Record a new session."""
        id_ = f"{self._prefix}-{next(self._numbers)}"
        recording = SessionRecording(self, self._seconds, self._now(), id_, report)
        recording.peer, recording.listener = peer, (listener, lane)
        self._open[id_] = recording
        if len(self._open) > QUICK:
            recording.most = 0
            if len(self._open) > MAX_OPEN:
                self._stop(next(iter(self._open)))
        return recording

    def end(self, recording: SessionRecording) -> None:
        """Take a session that has ended."""
        self._forget(recording.id)
        self._keep(recording)

    def may_take(self, id_: str, octets: int) -> bool:
        """Give a session more memory, by taking it from older ones."""
        while self._size + octets > MAX_OPEN_SIZE and self._sizes:
            self._stop(next(iter(self._sizes)))
        if id_ not in self._open:
            return False
        self._sizes[id_] = self._sizes.get(id_, 0) + octets
        self._size += octets
        return True

    def _stop(self, id_: str) -> None:
        """Record no more lines of a session, only its facts."""
        recording = self._open[id_]
        self._forget(id_)
        recording.stop()

    def _forget(self, id_: str) -> None:
        self._open.pop(id_, None)
        self._size -= self._sizes.pop(id_, 0)
