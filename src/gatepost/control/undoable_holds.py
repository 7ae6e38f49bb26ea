"""Which deliveries an action has held, so that exactly these can be released again."""

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

MOST: Final = 20
"""Holds that are remembered."""
MOST_DELIVERIES: Final = 200_000
"""Deliveries in all of them; the oldest holds are forgotten."""


class UndoableHolds:
    """The last holds, by what names each."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, Sequence[str]] = OrderedDict()

    def remember(self, ids: Iterable[str]) -> str:
        """Remember the deliveries that a hold has changed; return the name of the hold."""
        name = secrets.token_urlsafe(9)
        self._held[name] = tuple(ids)
        while len(self._held) > MOST or self._size() > MOST_DELIVERIES:
            self._held.popitem(last=False)
        return name

    def take(self, name: str) -> Sequence[str]:
        """Return the ids of a hold's deliveries, and forget it. Raises KeyError."""
        held = self._held.pop(name, None)
        if held is None:
            raise KeyError(
                f"hold {name[:40]} that could be undone (the last {MOST} are remembered)"
            )
        return held

    def _size(self) -> int:
        return sum(map(len, self._held.values()))
