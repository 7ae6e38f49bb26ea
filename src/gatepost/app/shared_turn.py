"""One request at a time for a refresh token, over all nodes: a provider may end all tokens of a
client that sends a replaced one (RFC 9700 4.14.2)."""

import asyncio
from typing import Final

from gatepost.errors import ConfigError, QueueError, TokenError
from gatepost.keys.refresh_tokens import StoredRefreshToken
from gatepost.queue.cluster_contract import Cluster

HELD: Final = 120.0
"""Seconds for a request; then others go on, because this node is stuck."""
PATIENCE: Final = 60.0
"""Seconds to wait for the requests of other nodes."""
PAUSE: Final = 0.3
"""Seconds between two attempts to take the turn."""


class SharedTurn:
    """An asynchronous context: inside, no other node asks, and the token is the newest.

    Raises TokenError, which is temporary, if the store does not answer, or others take too long.
    """

    def __init__(
        self, lock: asyncio.Lock, cluster: Cluster, key: str, stored: StoredRefreshToken
    ) -> None:
        """``lock`` is for this process; ``key`` says to all nodes whose turn it is."""
        self._lock, self._cluster, self._key, self._stored = lock, cluster, key, stored
        self._before: bytes | None = None

    async def __aenter__(self) -> None:
        """Wait for the turn, and read what others have got meanwhile."""
        await self._lock.acquire()
        try:
            await self._take()
        except BaseException:
            self._lock.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Let others have a new token, and the turn."""
        try:
            key, before = self._stored.key(), self._before
            sealed = self._stored.seal_newest()
            if sealed is not None and sealed != before:
                await self._cluster.save_token(key, sealed, self._key)
            await self._cluster.end_turn(self._key)
        except (QueueError, ConfigError):
            pass  # the turn ends by itself; the token is in the directory of this node
        finally:
            self._lock.release()

    async def _take(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                # others are told nothing: their turns end in the store
                while not await self._cluster.try_take_turn(  # noqa: ASYNC110
                    self._key, HELD, is_kept=True
                ):
                    await asyncio.sleep(PAUSE)
            self._before = await self._cluster.load_token(self._stored.key())
            if self._before is not None:
                self._stored.adopt(self._before)
        except TimeoutError:
            raise _later("another node has been asking for a token for a minute") from None
        except QueueError as error:
            raise _later(f"the store does not say whose turn it is: {error}") from error


def _later(reason: str) -> TokenError:
    return TokenError(reason, is_transient=True)
