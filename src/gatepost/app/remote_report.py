"""Events of a front process: it spells their lines, the store process writes them."""

import time
from collections.abc import Sequence
from typing import Any

from gatepost.app.rpc import Calls
from gatepost.app.spelling import Speller


class RemoteReport:
    """A ``relay.context.Report`` over calls. What goes out together is one list of lines."""

    def __init__(self, calls: Calls, speller: Speller) -> None:
        self._calls, self._speller = calls, speller
        self._lines: list[str] = []

    @classmethod
    async def connect(cls, calls: Calls) -> "RemoteReport":
        """Ask how the operator wants lines to be."""
        return cls(calls, Speller(as_json=await calls.call(bool, "lines_are_json")))

    def __call__(self, event: str, **facts: Any) -> None:
        """Take one event."""
        if self._calls.lost.is_set():
            return  # we stop in a moment
        if not self._lines:
            self._calls.tell_soon("lines", self._take)
        self._lines.append(self._speller.line(time.time(), event, facts))

    def _take(self) -> Sequence[str]:
        lines, self._lines = self._lines, []
        return lines
