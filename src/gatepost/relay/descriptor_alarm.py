"""Reports that the process lacks file descriptors, and that it does not any more."""

import asyncio
from collections.abc import Callable
from typing import Final

from gatepost.net.descriptors import limit

QUIET: Final = 10.0
"""Seconds without a lack until it is over."""


class DescriptorAlarm:
    """The lack of descriptors in one process, reported once until it is over."""

    def __init__(self, report: Callable[..., None]) -> None:
        self.report = report
        self._since: float | None = None
        self._last = 0.0

    @property
    def is_on(self) -> bool:
        """Whether there was a lack in the last seconds."""
        return self._since is not None

    def lacks(self, reason: str) -> None:
        """Note what a descriptor was missing for."""
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        if self._since is None:
            self._since = self._last
            self.report("descriptors_used_up", limit=limit(), reason=reason)
            loop.call_later(QUIET, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._last + QUIET - loop.time()
        if left > 0:
            loop.call_later(left, self._look)
        elif self._since is not None:
            self.report("descriptors_free", seconds=round(self._last - self._since))
            self._since = None
