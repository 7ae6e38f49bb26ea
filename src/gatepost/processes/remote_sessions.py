"""Sends the records of sessions from a front process to the store process."""

from collections.abc import Sequence
from typing import Final

from gatepost.model.session_record import SessionRecord
from gatepost.processes.rpc import Calls

MAX_UNSENT: Final = 1_048_576
"""Octets on the way to the store process, above which sessions are dropped and counted."""


class SessionSender:
    """Sends records after their sessions; mail goes first if the store process is slow."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._waiting: list[SessionRecord] = []
        self._size = 0
        self._dropped = 0

    def send(self, record: SessionRecord) -> None:
        """Send a record soon; drop it if too much waits already."""
        if self._calls.lost.is_set():
            return  # we stop soon
        if self._size + self._calls.unsent > MAX_UNSENT:
            self._dropped += 1
            return
        if not self._waiting:
            self._calls.tell_soon("sessions_ended", self._take)
        self._waiting.append(record)
        self._size += record.size

    def _take(self) -> tuple[Sequence[SessionRecord], int]:
        records, self._waiting = self._waiting, []
        dropped, self._dropped = self._dropped, 0
        self._size = 0
        return records, dropped
