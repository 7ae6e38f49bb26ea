"""The right to make one attempt."""

from collections.abc import Callable, Sequence

from gatepost.queue.attempt_slots import Slot
from gatepost.queue.login_pause import LoginPause
from gatepost.queue.next_hop_limits import NextHopLimiter, UpstreamCredential


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
