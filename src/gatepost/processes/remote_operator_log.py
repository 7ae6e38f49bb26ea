"""Events of a front process: it formats their lines, and the store process writes them."""

import time
from collections.abc import Sequence
from typing import Any

from gatepost.operator_log.sentences import EventFormatter
from gatepost.operator_log.writer import MAX_WAITING
from gatepost.processes.rpc import Calls


class RemoteReport:
    """A ``relay.context.Report`` over calls. Lines that are sent together are one list.

    If the store process does not read for long, lines are dropped and counted, as the store process
    does with its own lines.
    """

    def __init__(self, calls: Calls, formatter: EventFormatter) -> None:
        self._calls, self._formatter = calls, formatter
        self._lines: list[str] = []
        self._queued = 0
        """Lines since there was last nothing left to send."""
        self._dropped = 0

    @classmethod
    async def connect(cls, calls: Calls) -> "RemoteReport":
        """Ask in which form the operator wants lines."""
        return cls(calls, EventFormatter(as_json=await calls.call(bool, "lines_are_json")))

    def __call__(self, event: str, **facts: Any) -> None:
        """Report one event."""
        if self._calls.lost.is_set():
            return  # we stop soon
        if not self._lines and not self._calls.unsent:
            self._queued = 0
        if self._queued >= MAX_WAITING:
            self._dropped += 1
            return
        if not self._lines:
            self._calls.tell_soon("lines", self._take)
        self._queued += 1
        self._lines.append(self._formatter.line(time.time(), event, facts))

    def _take(self) -> Sequence[str]:
        lines, self._lines = self._lines, []
        if self._dropped and self._queued < MAX_WAITING:  # it goes on
            count, self._dropped = self._dropped, 0
            lines.append(self._formatter.line(time.time(), "lines_dropped", {"count": count}))
        return lines
