"""Counts one client for as long as it is connected."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, cast

from gatepost.model.value_or_future import Later, When
from gatepost.relay.safe_error_text import error_of

T = TypeVar("T")


class CountedClient(Generic[T]):
    """Counts a client among those of its address, or of its subscription, until ``end``."""

    __slots__ = ("_counted", "_is_welcome", "_leave", "_over")

    def __init__(self, is_welcome: Callable[[T], bool], leave: Callable[[], None]) -> None:
        """``is_welcome`` tells whether an answer means "counted"; ``leave`` uncounts."""
        self._is_welcome = is_welcome
        self._leave = leave
        self._counted = False
        self._over = False

    def begin(self, answer: Later[T], when: When, then: Callable[[T], None]) -> None:
        """Take the counter's ``answer``, a value or a future, and pass it to ``then``."""
        if isinstance(answer, asyncio.Future):
            answer.add_done_callback(self._late)
        else:
            self._counted = self._is_welcome(cast("T", answer))  # only futures are awaited here
        when(answer, then)

    def _late(self, answer: "asyncio.Future[T]") -> None:
        self._counted = error_of(answer) is None and self._is_welcome(answer.result())
        if self._over:
            self.end()  # it has left or is leaving, but was counted

    def end(self) -> None:
        """Uncount the client; may be called several times."""
        self._over = True
        if self._counted:
            self._counted = False
            self._leave()


UNCOUNTED: Final[CountedClient[Any]] = CountedClient(bool, lambda: None)
"""Stands for a client that is not counted."""
