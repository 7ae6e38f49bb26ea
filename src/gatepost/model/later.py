"""An answer that is a value, or a future of one.

Code that knows the answer in this process returns the value; code that must ask another process
returns a future. Callers handle both, so that the common case needs no task.
"""

from collections.abc import Awaitable
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Later: TypeAlias = T | Awaitable[T]
"""A value, or a future of the running loop; no other awaitables."""
