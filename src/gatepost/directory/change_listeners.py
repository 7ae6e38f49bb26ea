"""Notifies caches of the changes of a directory."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Finish ``work`` even if the caller is cancelled, so that memory and store stay equal."""
    return await asyncio.shield(asyncio.ensure_future(work))


class ChangeListeners:
    """The caches of a directory's answers, which are invalidated when it changes."""

    def __init__(self) -> None:
        self._caches: list[Callable[[], Awaitable[None]]] = []

    def add(self, forget: Callable[[], Awaitable[None]]) -> None:
        """Add a cache; adding it again has no effect."""
        if forget not in self._caches:
            self._caches.append(forget)

    async def forget(self) -> None:
        """Invalidate all caches, and return when this is done."""
        for forget in self._caches:
            await forget()
