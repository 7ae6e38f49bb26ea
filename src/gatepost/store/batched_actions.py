"""What operators and upkeep do with many deliveries: in batches, so that nothing waits long."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from gatepost.model.delivery import Delivery
from gatepost.model.route import NextHop
from gatepost.queue.deliveries_contract import Action, Cursor, QueueSelection, SelectedSome
from gatepost.store.stored_values import microseconds

BATCH: Final = 256
"""Maximum number of ids that are acted on in one transaction."""
_KINDS: Final[dict[Action, tuple[str, ...]]] = {
    "hold": ("waiting", "leased"),
    "release": ("held",),
    "retry": ("waiting",),
    "drop": ("waiting", "leased", "held"),
}
"""The kinds of deliveries that an action on all of them applies to."""

Key = tuple[int, int]
"""The message and the part of a delivery."""
START: Final[Key] = (-1, -1)
"""Before all deliveries."""


class BatchedActions(ABC):
    """The part of ``queue.deliveries_contract.Deliveries`` for many deliveries."""

    async def act(
        self,
        action: Action,
        ids: Iterable[str] | None,
        now: datetime,
        some_done: Callable[[], None] = lambda: None,
    ) -> int:
        done, at = 0, microseconds(now)
        if ids is None:
            for kind in _KINDS[action]:
                async for number in self._act_on_all(action, kind, at):
                    done += number
                    some_done()
            return done
        wanted = iter(dict.fromkeys(ids))
        seen: set[Key] = set()
        while some := tuple(islice(wanted, BATCH)):
            keys = [each for each in await self._find_keys(some) if each not in seen]
            seen.update(keys)
            done += await self._act(action, keys, at)
            some_done()
        return done

    async def reroute(
        self, ids: Iterable[str], to: NextHop, by: str, now: datetime
    ) -> Sequence[str]:
        done: list[str] = []
        wanted = iter(dict.fromkeys(ids))
        while some := tuple(islice(wanted, BATCH)):
            done += await self._reroute(await self._find_keys(some), to, by, microseconds(now))
        return done

    async def list(self, selection: QueueSelection = QueueSelection()) -> Sequence[Delivery]:  # noqa: B008
        deliveries: list[Delivery] = []
        limit, after = selection.limit, None
        while limit is None or len(deliveries) < limit:
            some, after, _ = await self.select(selection, after)
            deliveries += some
            if after is None:
                break
        return deliveries if limit is None else deliveries[: max(0, limit)]

    async def forget(self, before: datetime) -> int:
        forgotten = 0
        while batch := await self._forget_some(microseconds(before)):
            forgotten += batch
        return forgotten

    async def _act_on_all(self, action: Action, kind: str, now: int) -> AsyncIterator[int]:
        """Act with pauses between batches, for mail and leases; yield the number of each."""
        loop = asyncio.get_running_loop()
        after: Key | None = START
        while after is not None:
            begun = loop.time()
            some, after = await self._act_on_some(action, kind, after, now)
            yield some
            await asyncio.sleep(2 * (loop.time() - begun))

    @abstractmethod
    async def select(self, selection: QueueSelection, after: Cursor | None = None) -> SelectedSome:
        """As in the contract."""

    @abstractmethod
    async def _find_keys(self, ids: Sequence[str]) -> Sequence[Key]:
        """Return the deliveries of the ids of messages and deliveries, each once."""

    @abstractmethod
    async def _act(self, action: Action, keys: Sequence[Key], now: int) -> int:
        """Act on these deliveries; return how many have changed."""

    @abstractmethod
    async def _act_on_some(
        self, action: Action, kind: str, after: Key, now: int
    ) -> tuple[int, Key | None]:
        """Act on the first ones of a kind behind ``after``; return how many, and the last one, or
        None if there are no more."""

    @abstractmethod
    async def _reroute(self, keys: Sequence[Key], to: NextHop, by: str, now: int) -> Sequence[str]:
        """Send these deliveries to a target; return the ids of those that have changed."""

    @abstractmethod
    async def _forget_some(self, before: int) -> int:
        """Delete a batch of messages that were settled before a time; return how many."""
