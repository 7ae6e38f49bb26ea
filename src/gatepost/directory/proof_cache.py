"""Results of verifications that need not be repeated for a while; secrets are stored as keyed
digests."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

MOST_REMEMBERED: Final = 10_000


def ticket_of(key: bytes, version: int, username: str, secret: bytes) -> bytes:
    """Return the digest by which a name and its secret are remembered; useless without the key, and
    with another version of the directory."""
    digest = blake2b(key=key, digest_size=32)
    for part in (str(version).encode(), username.encode("utf-8", "surrogateescape"), secret):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


class ProofCache(Generic[T]):
    """Verdicts by ticket, each for its time; if there are too many, the oldest are dropped."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._entries: OrderedDict[bytes, tuple[float, T]] = OrderedDict()
        self._open: dict[bytes, asyncio.Task[T]] = {}
        """Proofs that are being made."""

    def ask(
        self, ticket: bytes, prove: Callable[[], Coroutine[Any, Any, T]]
    ) -> "T | asyncio.Future[T]":
        """Return a cached verdict, or that of ``prove``: one call for all simultaneous callers."""
        if (verdict := self.get(ticket)) is not None:
            return verdict
        task = self._open.get(ticket)
        if task is None:
            self._open[ticket] = task = asyncio.ensure_future(prove())
            task.add_done_callback(lambda _: self._open.pop(ticket, None))
        return asyncio.shield(task)  # a client that disconnects does not end it for others

    def get(self, ticket: bytes) -> T | None:
        """Return a verdict that is still valid."""
        entry = self._entries.get(ticket)
        return entry[1] if entry is not None and entry[0] > self._monotonic() else None

    def left(self, ticket: bytes) -> float:
        """Return the seconds for which a verdict is still valid."""
        entry = self._entries.get(ticket)
        return max(0.0, entry[0] - self._monotonic()) if entry is not None else 0.0

    def put(self, ticket: bytes, verdict: T, seconds: float) -> None:
        """Remember a verdict."""
        if seconds <= 0:
            return
        self._entries[ticket] = self._monotonic() + seconds, verdict
        self._entries.move_to_end(ticket)
        if len(self._entries) > MOST_REMEMBERED:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
