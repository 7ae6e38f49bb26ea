"""An answer that is there at once, or later.

Who has it in this process returns it; who must ask another process returns a
future. The caller handles both, so that the common case costs no task.
"""

from collections.abc import Awaitable
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Later: TypeAlias = T | Awaitable[T]
"""A value, or a future of it (of the running loop; nothing else is awaited here)."""
