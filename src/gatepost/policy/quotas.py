"""What a subscription may use up: connections at a time, messages in a while. Only ``--strict``."""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Literal, Protocol

from gatepost.model.address import Address
from gatepost.model.credentials import Principal
from gatepost.model.later import Later
from gatepost.model.profile import StrictLimits
from gatepost.model.reply import Reply
from gatepost.policy.rate import Rate, RateWindows, rate_of
from gatepost.wire.server.replies import Replies

Face = Literal["smtp", "rest"]


class Quotas(Protocol):
    """Counts across all processes of a node; answers like a directory, at once or later."""

    def enter(self, principal: Principal) -> "Later[Reply | None]":
        """Count a connection that signed in; refused when the subscription has its fill."""

    def leave(self, principal: Principal) -> None:
        """The connection is gone."""

    def admit(self, principal: Principal, sender: Address) -> "Later[Reply | None]":
        """Count a message; refused when there were too many in the last minute, hour or day."""


class SubscriptionQuotas:
    """The counts themselves. ``owner`` is the process that a connection belongs to."""

    def __init__(
        self,
        limits: StrictLimits,
        replies: Replies,
        is_managed: Callable[[str], bool],
        seconds: Callable[[], float],
    ) -> None:
        """``is_managed`` tells of a domain whether it is the provider's own, in lower case."""
        self._limits = limits
        self._replies = replies
        self._is_managed = is_managed
        self._seconds = seconds
        self._windows = RateWindows()
        self._connections: dict[Hashable, Counter[str]] = {}

    def enter(self, owner: Hashable, principal: Principal) -> Reply | None:
        """See ``Quotas.enter``."""
        subscription = principal.subscription_id
        others = sum(counts[subscription] for counts in self._connections.values())
        limit = self._limits.connections
        if limit is not None and others >= limit:
            return self._replies.TOO_MANY_CONNECTIONS.because(
                f"too_many_connections: the subscription has {others} connections,"
                f" {limit} are allowed"
            )
        self._connections.setdefault(owner, Counter())[subscription] += 1
        return None

    def leave(self, owner: Hashable, principal: Principal) -> None:
        """See ``Quotas.leave``."""
        self._connections.setdefault(owner, Counter())[principal.subscription_id] -= 1

    def forget(self, owner: Hashable) -> None:
        """The process is gone, and all its connections with it."""
        self._connections.pop(owner, None)

    def admit(self, face: Face, principal: Principal, sender: Address) -> Reply | None:
        """See ``Quotas.admit``. Own and custom domains have windows of their own."""
        key, rate = self._window(face, principal, sender)
        return self._windows.admit(key, rate, self._seconds(), self._replies)

    def wait(self, face: Face, principal: Principal, sender: Address) -> float:
        """Return the seconds until ``admit`` would let a message pass."""
        key, rate = self._window(face, principal, sender)
        return self._windows.wait(key, rate, self._seconds())

    def _window(self, face: Face, principal: Principal, sender: Address) -> tuple[str, Rate]:
        managed = self._is_managed(sender.domain.lower())
        kind = "managed" if managed else "custom"
        counted = "all" if self._limits.shared_rate else face
        key = f"{principal.subscription_id.lower()} {kind} {counted}"
        return key, rate_of(self._limits, managed=managed)


class OwnQuotas:
    """``Quotas`` of the process that holds the counts, for the connections of one owner."""

    def __init__(
        self, counts: SubscriptionQuotas, owner: Hashable = None, face: Face = "smtp"
    ) -> None:
        """``face``: by which a message comes; the profile says whether they share a count."""
        self._counts = counts
        self._owner = owner
        self._face: Face = face

    def enter(self, principal: Principal) -> Reply | None:
        """See ``Quotas.enter``."""
        return self._counts.enter(self._owner, principal)

    def leave(self, principal: Principal) -> None:
        """See ``Quotas.leave``."""
        self._counts.leave(self._owner, principal)

    def admit(self, principal: Principal, sender: Address) -> Reply | None:
        """See ``Quotas.admit``."""
        return self._counts.admit(self._face, principal, sender)

    def wait(self, principal: Principal, sender: Address) -> float:
        """Return the seconds until ``admit`` would let a message pass: what Retry-After says."""
        return self._counts.wait(self._face, principal, sender)
