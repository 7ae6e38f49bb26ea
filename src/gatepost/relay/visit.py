"""One connection among those of its address: counted when it comes, and uncounted when it goes."""

import asyncio
from collections.abc import Callable
from functools import partial

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
        when(answer, partial(self._began, then))

    def _late(self, answer: "asyncio.Future[bool]") -> None:
        """A client that left meanwhile was counted all the same."""
        if self._over and error_of(answer) is None and answer.result():
            self._visitors.leave(self._address)

    def _began(self, then: Callable[[bool], None], admitted: bool) -> None:
        self._counted = admitted
        then(admitted)

    def end(self) -> None:
        """The client is gone."""
        self._over = True
        if self._counted:
            self._visitors.leave(self._address)
