"""One connection among others: counted when it comes, and uncounted when it goes."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, cast

from gatepost.model.later import Later
from gatepost.relay.context import When
from gatepost.relay.faults import error_of

T = TypeVar("T")


class CountedClient(Generic[T]):
    """Counts a client while it is there: among those of its address, or of its subscription."""

    __slots__ = ("_counted", "_is_welcome", "_leave", "_over")

    def __init__(self, is_welcome: Callable[[T], bool], leave: Callable[[], None]) -> None:
        """``is_welcome`` tells whether an answer means that it was counted; ``leave`` uncounts."""
        self._is_welcome = is_welcome
        self._leave = leave
        self._counted = False
        self._over = False

    def begin(self, answer: Later[T], when: When, then: Callable[[T], None]) -> None:
        """``answer`` is that of who counts; ``then`` gets it."""
        if isinstance(answer, asyncio.Future):
            answer.add_done_callback(self._late)
        else:
            self._counted = self._is_welcome(cast("T", answer))  # only futures are awaited here
        when(answer, then)

    def _late(self, answer: "asyncio.Future[T]") -> None:
        self._counted = error_of(answer) is None and self._is_welcome(answer.result())
        if self._over:
            self.end()  # it left meanwhile, or is about to, and was counted all the same

    def end(self) -> None:
        """The client is gone, or as good as gone; once is enough."""
        self._over = True
        if self._counted:
            self._counted = False
            self._leave()


UNCOUNTED: Final[CountedClient[Any]] = CountedClient(bool, lambda: None)
"""Of a client that was counted nowhere yet."""
