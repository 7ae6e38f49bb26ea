"""An answer that is a value, or a future of one.

Code that knows the answer in this process returns the value; code that must ask another process
returns a future. Callers handle both, so that the common case needs no task.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

Later: TypeAlias = T | Awaitable[T]
"""A value, or a future of the running loop; no other awaitables."""


class When(Protocol):
    """Calls ``then`` with an answer: at once if it is a value, later if it is a future."""

    def __call__(self, answer: Later[Any], then: Callable[[Any], None]) -> None:
        """Arrange the call."""
