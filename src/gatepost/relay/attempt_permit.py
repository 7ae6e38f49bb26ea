"""The right to make one attempt at a target, or why it must wait, and for what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.queue.attempt_slots import Slot
from gatepost.queue.login_pause import LoginPause
from gatepost.queue.next_hop_limits import NextHopLimiter, UpstreamCredential
from gatepost.queue.pause import Pause

SOON: Final = 1.0
"""Seconds until the next look at a target that is busy with other attempts."""
CROWDED: Final = "room for attempts"
"""The key of a wait for room for more attempts, or for more look-ups in the DNS."""
RESOLVER: Final = "the resolver"
"""The key of which ``changed`` is called when the DNS answers again."""


class Permit:
    """The right to make one attempt at a target. Must be closed."""

    __slots__ = ("_closed", "_is_closed", "_tries", "credential", "key", "limiter", "slot")

    def __init__(
        self,
        key: str,
        limiter: NextHopLimiter,
        credential: UpstreamCredential | None,
        slot: Slot,
        closed: Callable[["Permit"], None],
        tries: Sequence[LoginPause] = (),
    ) -> None:
        """``tries`` are the pauses after which it is the only attempt that may sign in."""
        self.key, self.limiter, self.credential, self.slot = key, limiter, credential, slot
        self._closed, self._is_closed, self._tries = closed, False, tries

    def close(self) -> None:
        """End the attempt; a second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self.limiter.record_closing()
        if self.credential is not None:
            self.credential.abandon_trial()
        for each in self._tries:
            each.end_login()
        self._closed(self)


@dataclass(frozen=True, slots=True)
class Wait:
    """A target may not be tried now."""

    key: str
    """What it waits for; ``changed`` is called with this key when it changes."""
    seconds: float
    """Time until the next look, if nothing changes before."""
    pause: Pause | None = None
    """The pause that it waits for; None: all connections are in use, or the rate is used up."""
    is_first: bool = False
    """The first login there is in progress. That is no reason to try the next target."""
    is_elsewhere: bool = False
    """Other nodes have all connections: what waits for it is theirs."""
