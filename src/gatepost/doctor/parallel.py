"""Small tasks at the same time, in threads that need not be waited for at the end."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def start(work: Callable[[], T]) -> "Future[T]":
    """Run ``work`` in a daemon thread; Ctrl-C does not wait for it."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # whoever stops waiting does not take its result away

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # it is raised where the result is asked for
            future.set_exception(error)

    Thread(target=run, daemon=True, name="gatepost-doctor").start()
    return future
