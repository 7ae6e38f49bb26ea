"""Fair order for slow questions: networks take turns, and within a network its peers.

A peer that asks a thousand times delays only itself, whatever addresses of its network it uses; one
that asks once waits for one question of each other network.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import IntEnum
from functools import lru_cache
from ipaddress import ip_network
from typing import Final

MOST_AHEAD: Final = 1_000
"""Maximum number of questions that one waits for: some fifteen seconds of hashing. A client that
would wait longer has disconnected by then, so it is told immediately to try again."""

Line = deque["asyncio.Future[None]"]
Lines = OrderedDict[str, Line]
"""By peer."""
_NETWORK: Final = {4: 24, 6: 48}
"""The bits of the network that one site usually has, by IP version (RFC 6177)."""


class TooMany(Exception):
    """Too many others are waiting."""


class Rank(IntEnum):
    """The classes of questions: all of one are answered before those of the next."""

    PROVEN = 0
    """The same login has succeeded before."""
    UNKNOWN = 1
    REFUSED = 2
    """The peer had a refused login recently."""


class FairQueue:
    """Answers ``at_once`` questions at the same time; the others wait in a line for each peer.

    A peer is an address, or a network that represents one; any other text is a network of its own.
    """

    def __init__(self, at_once: int, most_ahead: int = MOST_AHEAD) -> None:
        self._free = at_once
        self._most_ahead = most_ahead
        self._networks: tuple[OrderedDict[str, Lines], ...] = tuple([OrderedDict() for _ in Rank])
        """The lines of each rank."""
        self._waiting = [0 for _ in Rank]

    @asynccontextmanager
    async def turn(self, peer: str, rank: Rank = Rank.UNKNOWN) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Raises TooMany."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(peer, rank)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, peer: str, rank: Rank) -> None:
        if self._ahead(peer, rank) >= self._most_ahead:
            raise TooMany
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lines = self._networks[rank].setdefault(_network_of(peer), OrderedDict())
        lines.setdefault(peer, deque()).append(turn)
        self._waiting[rank] += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn had come
                self._pass_on()
            raise

    def _ahead(self, peer: str, rank: Rank) -> int:
        """Return how many questions would be answered before a new one."""
        networks = self._networks[rank]
        lines: Mapping[str, Line] = networks.get(_network_of(peer), {})
        rounds = (len(lines.get(peer, ())) + 1) * len(lines) + 1
        return sum(self._waiting[:rank]) + min(self._waiting[rank], rounds * len(networks))

    def _pass_on(self) -> None:
        for rank in Rank:
            while self._waiting[rank]:
                self._waiting[rank] -= 1
                turn = _next(self._networks[rank])
                if not turn.done():  # otherwise the waiting one is gone
                    turn.set_result(None)
                    return
        self._free += 1


def _next(networks: OrderedDict[str, Lines]) -> "asyncio.Future[None]":
    network, lines = networks.popitem(last=False)
    peer, line = lines.popitem(last=False)
    turn = line.popleft()
    if line:
        lines[peer] = line
    if lines:
        networks[network] = lines
    return turn


@lru_cache(maxsize=4_096)
def _network_of(peer: str) -> str:
    try:
        network = ip_network(peer, strict=False)
    except ValueError:
        return peer
    bits = min(network.prefixlen, _NETWORK[network.version])
    return str(network.supernet(new_prefix=bits))
