"""Fair order for slow questions: networks take turns, and within a network its peers.

A peer that asks a thousand times delays only itself, whatever addresses of its network it uses; one
that asks once waits for one question of each other network.
"""

import asyncio
from collections import Counter, OrderedDict, deque
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
    With a ``share``, no peer has more turns at the same time, and no network all of them: where
    questions take long, one peer could otherwise keep all turns.
    """

    def __init__(
        self, at_once: int, most_ahead: int = MOST_AHEAD, share: int | None = None
    ) -> None:
        self._free = at_once
        self._most_ahead = most_ahead
        self._share = share or at_once
        self._network_share = at_once if share is None else max(1, at_once - 1)
        self._by_peer: Counter[str] = Counter()
        self._by_network: Counter[str] = Counter()
        """The turns that each has now."""
        self._networks: tuple[OrderedDict[str, Lines], ...] = tuple([OrderedDict() for _ in Rank])
        """The lines of each rank."""
        self._waiting = [0 for _ in Rank]

    @asynccontextmanager
    async def turn(self, peer: str, rank: Rank = Rank.UNKNOWN) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Raises TooMany."""
        if self._free and self._may_take(_network_of(peer), peer):
            self._free -= 1
            self._take(_network_of(peer), peer)
        else:
            await self._wait(peer, rank)
        try:
            yield
        finally:
            self._pass_on(peer)

    def _may_take(self, network: str, peer: str) -> bool:
        return self._by_network[network] < self._network_share and self._by_peer[peer] < self._share

    def _take(self, network: str, peer: str) -> None:
        self._by_network[network] += 1
        self._by_peer[peer] += 1

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
                self._pass_on(peer)
            raise

    def _ahead(self, peer: str, rank: Rank) -> int:
        """Return how many questions would be answered before a new one."""
        networks = self._networks[rank]
        lines: Mapping[str, Line] = networks.get(_network_of(peer), {})
        rounds = (len(lines.get(peer, ())) + 1) * len(lines) + 1
        return sum(self._waiting[:rank]) + min(self._waiting[rank], rounds * len(networks))

    def _pass_on(self, peer: str) -> None:
        """End a turn of a peer, and give it to the next one that may have it."""
        for held, name in ((self._by_peer, peer), (self._by_network, _network_of(peer))):
            held[name] -= 1
            if not held[name]:
                del held[name]
        for rank in Rank:
            while (following := self._next(rank)) is not None:
                turn = self._leave(rank, *following)
                if not turn.done():  # otherwise the waiting one is gone
                    self._take(*following)
                    turn.set_result(None)
                    return
        self._free += 1

    def _next(self, rank: Rank) -> tuple[str, str] | None:
        """Return the network and the peer whose question is the next one; None if none may be."""
        for network, lines in self._networks[rank].items():
            for peer in lines:
                if self._may_take(network, peer):
                    return network, peer
        return None

    def _leave(self, rank: Rank, network: str, peer: str) -> "asyncio.Future[None]":
        """Remove the first question of a peer; others have their turn before its next one."""
        networks = self._networks[rank]
        lines = networks.pop(network)
        line = lines.pop(peer)
        turn = line.popleft()
        if line:
            lines[peer] = line
        if lines:
            networks[network] = lines
        self._waiting[rank] -= 1
        return turn


@lru_cache(maxsize=4_096)
def _network_of(peer: str) -> str:
    try:
        network = ip_network(peer, strict=False)
    except ValueError:
        return peer
    bits = min(network.prefixlen, _NETWORK[network.version])
    return str(network.supernet(new_prefix=bits))
