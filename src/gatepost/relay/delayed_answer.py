"""Answers that are delayed without a task."""

import asyncio
from typing import TypeVar

T = TypeVar("T")


def after(seconds: float, answer: T) -> "asyncio.Future[T]":
    """Return a future of the running loop that has ``answer`` in so many seconds."""
    loop = asyncio.get_running_loop()
    later: asyncio.Future[T] = loop.create_future()
    loop.call_later(seconds, _give, later, answer)
    return later


def _give(later: "asyncio.Future[T]", answer: T) -> None:
    if not later.done():
        later.set_result(answer)
