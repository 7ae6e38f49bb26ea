"""Callers that wait for a message; they are told as soon as it is committed."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from gatepost.model.message import StoredMessage
from gatepost.queue.message_selection import matcher
from gatepost.queue.store_contract import Selection

Lookup = Callable[[Selection], Awaitable[Sequence[StoredMessage]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    matches: Callable[[StoredMessage], bool]
    match: asyncio.Future[StoredMessage]

    def tell(self, message: StoredMessage) -> None:
        if not self.match.done():
            self.match.set_result(message)


class Waiters:
    """Waiting callers, registered before the store is searched, so that no message is missed."""

    def __init__(self) -> None:
        self._waiters: list[_Waiter] = []
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._waiters)

    def announce(self, messages: Iterable[StoredMessage]) -> None:
        """Tell waiting callers of committed messages; may be called from any thread."""
        with self._lock:
            waiters = tuple(self._waiters)
        for message in messages:
            for waiter in waiters:
                if waiter.matches(message):
                    waiter.match.get_loop().call_soon_threadsafe(waiter.tell, message)

    async def wait(
        self, selection: Selection, timeout: float, lookup: Lookup
    ) -> StoredMessage | None:
        """Return the newest match of `lookup`, or the first one announced in `timeout` seconds."""
        with self._registered(selection) as match:
            if present := await lookup(replace(selection, limit=1)):
                return present[0]
            done, _ = await asyncio.wait((match,), timeout=timeout)
            return match.result() if done else None

    @contextmanager
    def _registered(self, selection: Selection) -> Iterator[asyncio.Future[StoredMessage]]:
        waiter = _Waiter(matcher(selection), asyncio.get_running_loop().create_future())
        with self._lock:
            self._waiters.append(waiter)
        try:
            yield waiter.match
        finally:
            with self._lock:
                self._waiters.remove(waiter)
            waiter.match.cancel()
