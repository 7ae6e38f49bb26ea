"""The caches of front processes, and their invalidation.

They cache answers of the directory. A change must be effective at the next command of any session,
in whichever process that session is. So a change of the directory is acknowledged when every front
process has confirmed that it dropped its cache, or was disconnected because it did not.

They also reserve connection places of clients that left, for the next clients of the same address.
Before a client is refused for want of a place, unused reservations are given back.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, Final

import msgspec

from gatepost.directory.contract import CacheableDirectory, Directory
from gatepost.errors import Disconnected
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.reply import Reply
from gatepost.model.value_or_future import Later
from gatepost.processes.rpc import Answers, Operation, decoder

FORGET: Final = "forget"
"""The message that has a front process drop cached answers; it replies ``gave_up NUMBER``."""
VACATE: Final = "vacate"
"""The message that has it give back unused places; it replies the same."""
PATIENCE: Final = 5.0
"""Seconds that a front process gets to reply, before it is disconnected."""


class FrontCaches:
    """Every connected front process that caches something."""

    def __init__(self) -> None:
        self._of_directory: set[FrontCache] = set()
        self._of_places: set[FrontCache] = set()
        """Not those that are still starting, which would not reply."""

    def add_directory_cache(self, cache: "FrontCache") -> None:
        """Register a front process that caches answers of the directory."""
        self._of_directory.add(cache)

    def add_places_cache(self, cache: "FrontCache") -> None:
        """Register a front process that reserves places."""
        self._of_places.add(cache)

    def remove(self, cache: "FrontCache") -> None:
        """Forget a front process whose connection has ended."""
        self._of_directory.discard(cache)
        self._of_places.discard(cache)
        cache.close()

    async def forget(self) -> None:
        """Return when no front process has a cached answer of the directory any more."""
        for late in await self._ask(self._of_directory, FORGET):
            late.disconnect()
        await asyncio.sleep(0)  # until the event loop has disconnected them

    async def vacate(self) -> None:
        """Return when all unused places were given back.

        A front process that does not reply in time is left out until it asks for a place again."""
        for late in await self._ask(self._of_places, VACATE):
            self._of_places.discard(late)

    async def _ask(self, caches: "Iterable[FrontCache]", what: str) -> "list[FrontCache]":
        """Send ``what`` to all of them; return those that did not reply in time."""
        replies = {each.ask(what): each for each in caches}
        if not replies:
            return []
        _, late = await asyncio.wait(replies, timeout=PATIENCE)
        return [replies[each] for each in late]


class FrontCache:
    """What one front process caches, as its connection to the store process knows it."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._number = 0
        self._unconfirmed: dict[int, asyncio.Future[None]] = {}

    def ask(self, what: str) -> "asyncio.Future[None]":
        """Send ``what``; return a future that is done when it has replied, or has disconnected."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number += 1
        try:
            self._answers.tell(what, self._number)
        except Disconnected:
            future.set_result(None)
        else:
            self._unconfirmed[self._number] = future
        return future

    def confirm(self, number: int) -> None:
        """Take its reply to the message of that number."""
        future = self._unconfirmed.pop(number, None)
        if future is not None and not future.done():
            future.set_result(None)

    def disconnect(self) -> None:
        """Disconnect it; without this connection a front process stops."""
        self._answers.hang_up()

    def close(self) -> None:
        """Release those who wait for its replies: it has disconnected."""
        for number in tuple(self._unconfirmed):
            self.confirm(number)


def caching_operations(
    directory: Directory, caches: FrontCaches, cache: FrontCache
) -> dict[str, Operation]:
    """Return the operations, by name, that answer a front process with what it may cache."""
    if not isinstance(directory, CacheableDirectory):
        return {"keep": lambda _: False}

    read_question = decoder(tuple[Credentials, str]).decode
    read_sender = decoder(tuple[Principal, Address]).decode

    def try_register(_: msgspec.Raw) -> bool:
        caches.add_directory_cache(cache)
        return True

    def identify(raw: msgspec.Raw) -> "Later[tuple[Any, ...]]":
        answer = directory.identify_for_cache(*read_question(raw))
        return _later(answer) if isinstance(answer, Awaitable) else _spelled(answer)

    return {
        "keep": try_register,
        "identify_for_cache": identify,
        "standing_for_cache": lambda raw: directory.standing_for_cache(*read_sender(raw)),
    }


def _spelled(answer: tuple[Principal | Reply, float]) -> tuple[Any, ...]:
    verdict, until = answer
    return (verdict, None, until) if isinstance(verdict, Principal) else (None, verdict, until)


async def _later(answer: "Awaitable[tuple[Principal | Reply, float]]") -> tuple[Any, ...]:
    return _spelled(await answer)
