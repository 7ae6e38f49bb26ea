"""Requests that wait for mail: how many there may be at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MOST: Final = 200


class TooManyWaiters(Exception):
    """No more requests may wait now."""


class WaitingRequests:
    """Counts the requests that wait."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the places. Raises TooManyWaiters."""
        if self.count >= MOST:
            raise TooManyWaiters
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
