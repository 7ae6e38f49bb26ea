"""Limits of recipients within 24 hours: of a mailbox, and of an organisation's external ones."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gatepost.model.address import Address
from gatepost.model.credentials import Principal
from gatepost.model.reply import Reply
from gatepost.policy.rate_windows import DAY
from gatepost.wire.server.replies import Replies


@dataclass(frozen=True, slots=True)
class RecipientLimits:
    """What holds for a principal now."""

    of_mailbox: int
    """Recipients of its mailbox in 24 hours."""
    external: int
    """External recipients of all mailboxes together."""
    is_internal: Callable[[str], bool]
    """Tells whether a domain is one of the organisation."""
    internal_only: bool = False


class SlidingCount:
    """How much was counted in the last 24 hours."""

    __slots__ = ("_counted", "total")

    def __init__(self) -> None:
        self._counted: deque[tuple[float, int]] = deque()
        self.total = 0

    def left(self, limit: int, now: float) -> int:
        """Return how much of a limit is left at ``now``, in seconds of a monotonic clock."""
        while self._counted and self._counted[0][0] <= now - DAY:
            self.total -= self._counted.popleft()[1]
        return limit - self.total

    def add(self, count: int, now: float) -> None:
        """Count."""
        if count:
            self._counted.append((now, count))
            self.total += count


class RecipientCounts:
    """The counts of an organisation. Refused messages do not count, so none exceeds its limit."""

    def __init__(self, limits_of: Callable[[Principal], RecipientLimits | None]) -> None:
        """``limits_of`` returns None where nothing is counted."""
        self._limits_of = limits_of
        self._of_mailboxes: dict[str, SlidingCount] = {}
        self._external = SlidingCount()

    def admit(
        self, principal: Principal, recipients: Sequence[Address], now: float, replies: Replies
    ) -> Reply | None:
        """Count the recipients of a message; return its refusal if a limit would be exceeded."""
        limits = self._limits_of(principal)
        if limits is None:
            return None
        external = sum(not limits.is_internal(each.domain) for each in recipients)
        if limits.internal_only and external:
            return replies.RECIPIENT_EXTERNAL.because(
                "recipient_external: a recipient's domain is no accepted domain"
            )
        mailbox = self._of_mailboxes.setdefault(principal.subscription_id, SlidingCount())
        if mailbox.left(limits.of_mailbox, now) < len(recipients):
            return replies.RECIPIENT_RATE.because(
                f"recipient_rate: the mailbox may have {limits.of_mailbox} recipients in 24 h"
            )
        if external and self._external.left(limits.external, now) < external:
            return replies.EXTERNAL_RATE.because(
                f"external_rate: the organisation may have {limits.external} external recipients "
                "in 24 h"
            )
        mailbox.add(len(recipients), now)
        self._external.add(external, now)
        return None
