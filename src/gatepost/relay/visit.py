"""One connection among those of its address: counted when it comes, and uncounted when it goes."""

import asyncio
from collections.abc import Callable
from typing import cast

from gatepost.policy.visitors import Visitors
from gatepost.relay.authenticate import When
from gatepost.relay.faults import error_of


class Visit:
    """Counts a client while it is there."""

    __slots__ = ("_address", "_counted", "_over", "_visitors")

    def __init__(self, visitors: Visitors, address: str) -> None:
        self._visitors = visitors
        self._address = address
        self._counted = False
        self._over = False

    def begin(self, when: When, then: Callable[[bool], None]) -> None:
        """Count it; ``then`` gets whether there was room."""
        answer = self._visitors.enter(self._address)
        if isinstance(answer, asyncio.Future):
            answer.add_done_callback(self._late)
        else:
            self._counted = cast("bool", answer)  # only futures are awaited here
        when(answer, then)

    def _late(self, answer: "asyncio.Future[bool]") -> None:
        """A client that left meanwhile, or is about to, was counted all the same."""
        admitted = error_of(answer) is None and answer.result()
        if admitted and self._over:
            self._visitors.leave(self._address)
        self._counted = admitted and not self._over

    def end(self) -> None:
        """The client is gone."""
        self._over = True
        if self._counted:
            self._visitors.leave(self._address)
