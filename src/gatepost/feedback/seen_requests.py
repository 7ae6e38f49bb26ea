"""The ids of webhook requests that were recorded, so that repeated ones do nothing."""

from collections import OrderedDict
from typing import Final

MOST: Final = 100_000
"""Ids that are kept in memory. A repeated request beyond them finds its reports recorded."""


class SeenRequests:
    """Keeps ids for some seconds."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def has(self, id: str, now: float) -> bool:
        """Tell whether a request with this id was recorded; empty: it has no id."""
        until = self._until.get(id)
        return bool(id) and until is not None and now < until

    def add(self, id: str, now: float, seconds: float) -> None:
        """Note a request that was recorded ``now``, as long as its time is accepted."""
        if not id:
            return
        self._until[id] = now + seconds
        self._until.move_to_end(id)
        while len(self._until) > MOST:
            self._until.popitem(last=False)
