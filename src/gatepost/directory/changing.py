"""Changes of a directory."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Do it even when who asked is gone: what the store has, the memory must have, too."""
    return await asyncio.shield(asyncio.ensure_future(work))
