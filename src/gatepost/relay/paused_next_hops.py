"""Next hops that are paused, and what each of them waits for."""

import asyncio
from collections.abc import Callable, Iterator

from gatepost.queue.pause import Pause
from gatepost.relay.attempt_permit import Wait


class PausedNextHops:
    """The pauses of next hops by the keys of these. ``on_end`` is called with each that ends."""

    def __init__(self, on_end: Callable[[str], None]) -> None:
        self._on_end = on_end
        self._waits: dict[str, tuple[Wait, asyncio.TimerHandle]] = {}
        self.waiting: dict[str, dict[str, None]] = {}
        """Next hops by the key of what they wait for, oldest first."""

    def __len__(self) -> int:
        """Return the number of paused next hops."""
        return len(self._waits)

    def __contains__(self, next_hop: object) -> bool:
        """Tell whether a next hop is paused."""
        return next_hop in self._waits

    def __iter__(self) -> Iterator[str]:
        """Iterate over a copy of the keys of the paused next hops."""
        return iter(list(self._waits))

    def pause_of(self, next_hop: str) -> Pause | None:
        """Return why a next hop is paused; None if it is not, or is only busy."""
        entry = self._waits.get(next_hop)
        return None if entry is None else entry[0].pause

    def begin(self, next_hop: str, wait: Wait) -> None:
        """Pause a next hop, instead of its current pause."""
        self._try_remove(next_hop)
        timer = asyncio.get_running_loop().call_later(wait.seconds, self.end, next_hop)
        self._waits[next_hop] = wait, timer
        self.waiting.setdefault(wait.key, {})[next_hop] = None

    def end(self, next_hop: str) -> None:
        """End the pause of a next hop, if it is paused."""
        if self._try_remove(next_hop):
            self._on_end(next_hop)

    def clear(self) -> None:
        """Forget all pauses."""
        for next_hop in self:
            self._try_remove(next_hop)

    def _try_remove(self, next_hop: str) -> bool:
        if next_hop not in self._waits:
            return False
        wait, timer = self._waits.pop(next_hop)
        timer.cancel()
        waiting = self.waiting[wait.key]
        del waiting[next_hop]
        if not waiting:
            del self.waiting[wait.key]
        return True
