"""How long to wait after failures at a provider's API, and when to tell the operator."""

from typing import Final

from gatepost.model.operator_event import ReportEvent

LONGEST: Final = 900.0
"""Maximum seconds between two tries after failures."""


class PollFailures:
    """Those in a row, of one list or queue."""

    def __init__(self, source: str, every: float, report: ReportEvent) -> None:
        """``source`` is the provider's name in the configuration, ``every`` the usual number of
        seconds between two tries."""
        self._source, self._every, self._report = source, every, report
        self._count = 0
        self._problem = ""

    def add(self, reason: str) -> float:
        """Tell the operator once; return the seconds until the next try."""
        self._count += 1
        if reason != self._problem:
            self._problem = reason
            self._report("polling_failed", source=self._source, reason=reason)
        return min(LONGEST, self._every * float(2 ** min(self._count, 10)))

    def end(self) -> None:
        """Note a success."""
        self._count = 0
        if self._problem:
            self._problem = ""
            self._report("polling_works", source=self._source)
