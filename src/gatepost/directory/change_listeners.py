"""Changes of a directory."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Do it even when who asked is gone: what the store has, the memory must have, too."""
    return await asyncio.shield(asyncio.ensure_future(work))


class ChangeListeners:
    """Who keeps a directory's answers elsewhere, and is told to forget them when it changes."""

    def __init__(self) -> None:
        self._known: list[Callable[[], Awaitable[None]]] = []

    def add(self, forget: Callable[[], Awaitable[None]]) -> None:
        """Tell one more; who is added a second time is told once."""
        if forget not in self._known:
            self._known.append(forget)

    async def forget(self) -> None:
        """Return when nobody keeps an answer any more."""
        for forget in self._known:
            await forget()
