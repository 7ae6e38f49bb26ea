"""Reports results from a store's threads to the event loops that wait for them."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

Resolution = tuple[asyncio.Future[Any], Any]
"""A future, and its result, which may be the exception to raise."""


def report_results(results: Iterable[Resolution]) -> None:
    """Resolve the futures, with one wake-up of each loop. For any thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Resolution]] = {}
    for each in results:
        by_loop.setdefault(each[0].get_loop(), []).append(each)
    for loop, resolutions in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed
            loop.call_soon_threadsafe(_resolve, resolutions)


def _resolve(resolutions: Iterable[Resolution]) -> None:
    for future, result in resolutions:
        if future.done():  # cancelled; what was written stands
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
