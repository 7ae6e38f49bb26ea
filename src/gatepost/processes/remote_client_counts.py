"""Clients that another process counts, where this one reserves places."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from gatepost.errors import Disconnected
from gatepost.model.value_or_future import Later
from gatepost.processes.front_caches import VACATE
from gatepost.processes.rpc import Calls, decode, decoder

RESERVED: Final = 1.0
"""Maximum seconds for which the place of a client that disconnected stays reserved for the next
one."""
HEED: Final = 0.001
"""Seconds in which disconnections become visible: a new connection may be noticed before an earlier
disconnection."""
_READ_BOOL: Final[Callable[[msgspec.Raw], bool]] = decoder(bool).decode


class RemoteClientCounter:
    """Implements ``policy.client_limits.ClientCounter`` over calls.

    Many clients connect anew for each message. The place of one that disconnected stays reserved
    for a moment, and the next one of its address takes it without a call. Before the store process
    refuses anybody, it has such places released.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._reserved: dict[str, int] = {}
        self._until: asyncio.TimerHandle | None = None
        calls.hears[VACATE] = self._vacate

    def try_enter(self, address: str) -> Later[bool]:
        places = self._reserved.pop(address, 0)
        if not places:
            return self._calls.ask_for(_READ_BOOL, "visit", address)
        if places > 1:
            self._reserved[address] = places - 1
        return True

    def leave(self, address: str) -> None:
        self._reserved[address] = self._reserved.get(address, 0) + 1
        if self._until is None:
            self._until = asyncio.get_running_loop().call_later(RESERVED, self._give_back)

    def _vacate(self, number: msgspec.Raw) -> None:
        """Release reserved places, because a client is about to be refused, and waits for our
        reply."""
        loop = asyncio.get_running_loop()
        loop.call_later(HEED, self._say_vacated, decode(number, int))

    def _say_vacated(self, number: int) -> None:
        self._give_back()
        with suppress(Disconnected):  # nobody waits any more
            self._calls.tell("gave_up", number)

    def _give_back(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None
        reserved, self._reserved = self._reserved, {}
        if reserved:
            with suppress(Disconnected):  # then all our connections are forgotten anyway
                self._calls.tell("visits_over", reserved)

    def delay(self, address: str) -> "asyncio.Future[float]":
        return self._calls.ask_for(_seconds, "delay", address)


def _seconds(raw: msgspec.Raw) -> float:
    return decode(raw, float)
