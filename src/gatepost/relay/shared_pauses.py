"""Logins and next hops that do not work, so that all nodes learn it from one."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from gatepost.errors import QueueError
from gatepost.model.route import Target, credential_of
from gatepost.queue.cluster_contract import Cluster, SharedPause
from gatepost.relay.target_hosts import hosts_of

SHARED: Final = "pauses of other nodes"
"""The key of a wait for one of them."""
TURN: Final = 30.0
"""Seconds that the node which has found a pause gets for its trial before the next one."""


def login_keys(target: Target) -> list[str]:
    """Return the keys of a target's login: one for each of its servers."""
    name = credential_of(target)
    return [f"login {name} at {host}" for host in hosts_of(target)] if name else []


@dataclass(frozen=True, slots=True)
class _Foreign:
    pause: SharedPause
    until: float


class SharedPauses:
    """The pauses that other nodes have found, and those that they get from us.

    Times are seconds of a monotonic clock. A pause of another node lasts somewhat longer here, so
    that one node tries again, and the others hear of it.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._foreign: dict[str, _Foreign] = {}
        self._published: dict[str, float] = {}
        """By key, the end of what the others have from us."""
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no node has found a pause."""
        return not (self._foreign or self._published)

    def adopt(self, pauses: Iterable[SharedPause], now: float) -> None:
        """Note all pauses there are."""
        rank, _ = self._cluster.place
        turn = TURN * (rank + 1)
        self._foreign = {
            each.key: _Foreign(each, now + each.seconds + turn)
            for each in pauses
            if not each.is_own and each.seconds > -turn
        }

    def find(self, key: str, now: float) -> SharedPause | None:
        """Return the pause that another node has found, with the seconds left; None: none."""
        found = self._foreign.get(key)
        if found is None or found.until <= now:
            return None
        return replace(found.pause, seconds=found.until - now)

    def update(self, pause: SharedPause, now: float) -> None:
        """Let the others have what we have found; without seconds left: that it works."""
        key, until = pause.key, now + pause.seconds
        if pause.seconds > 0:
            if abs(self._published.get(key, 0.0) - until) > 1:
                self._published[key] = until
                self._write(self._cluster.put_pause(pause))
        elif key in self._published or key in self._foreign:
            self._published.pop(key, None)
            self._foreign.pop(key, None)
            self._write(self._cluster.end_pause(key))

    def forgive(self, prefix: str) -> None:
        """End the pauses whose keys begin with a text, for all nodes."""
        for key in [each for each in {*self._published, *self._foreign} if each.startswith(prefix)]:
            self.update(SharedPause(key, 0.0, ""), 0.0)

    def _write(self, writing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(self._try_write(writing))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _try_write(self, writing: Coroutine[Any, Any, None]) -> None:
        with suppress(QueueError):  # then each node finds it for itself
            await writing
