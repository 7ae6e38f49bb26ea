"""Limits of a subscription: connections at once, messages per time. Only with ``--strict``."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Literal, Protocol

from gatepost.model.address import Address
from gatepost.model.credentials import Principal
from gatepost.model.profile import StrictLimits
from gatepost.model.reply import Reply
from gatepost.model.value_or_future import Later
from gatepost.policy.rate_windows import Rate, RateWindows, rate_of
from gatepost.policy.recipient_counts import RecipientCounts
from gatepost.wire.server.replies import Replies

Face = Literal["smtp", "rest"]


class Quotas(Protocol):
    """Counts across all processes of a node; each answer is a value or a future, as from a
    directory."""

    def enter(self, principal: Principal) -> "Later[Reply | None]":
        """Count a connection that signed in; refused if the subscription has too many."""

    def leave(self, principal: Principal) -> None:
        """Uncount a connection that has ended."""

    def admit(
        self, principal: Principal, sender: Address, recipients: Sequence[Address] = ()
    ) -> "Later[Reply | None]":
        """Count a message; refused if there were too many in the last minute, hour or day, or too
        many recipients."""


class SubscriptionQuotas:
    """The counts. ``owner`` is the process of a connection."""

    def __init__(
        self,
        limits: StrictLimits,
        replies: Replies,
        is_managed: Callable[[str], bool],
        seconds: Callable[[], float],
        recipients: RecipientCounts | None = None,
    ) -> None:
        """``is_managed`` tells whether a domain, in lower case, is the provider's own.

        ``recipients`` counts recipients, too; None: nothing does.
        """
        self._limits = limits
        self._replies = replies
        self._is_managed = is_managed
        self._seconds = seconds
        self._recipients = recipients
        self._windows = RateWindows()
        self._connections: dict[Hashable, Counter[str]] = {}

    def configure(self, limits: StrictLimits, replies: Replies) -> None:
        """Use other limits from now on; the counts stay."""
        self._limits, self._replies = limits, replies

    def enter(self, owner: Hashable, principal: Principal) -> Reply | None:
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
        self._connections.setdefault(owner, Counter())[principal.subscription_id] -= 1

    def forget(self, owner: Hashable) -> None:
        """Uncount all connections of a process that has ended."""
        self._connections.pop(owner, None)

    def admit(
        self,
        face: Face,
        principal: Principal,
        sender: Address,
        recipients: Sequence[Address] = (),
    ) -> Reply | None:
        """See ``Quotas.admit``. Own and custom domains have separate windows."""
        if self._recipients is not None:
            refusal = self._recipients.admit(principal, recipients, self._seconds(), self._replies)
            if refusal is not None:
                return refusal
        key, rate = self._window(face, principal, sender)
        return self._windows.admit(key, rate, self._seconds(), self._replies)

    def wait(self, face: Face, principal: Principal, sender: Address) -> float:
        """Return the seconds until ``admit`` would accept a message."""
        key, rate = self._window(face, principal, sender)
        return self._windows.wait(key, rate, self._seconds())

    def _window(self, face: Face, principal: Principal, sender: Address) -> tuple[str, Rate]:
        managed = self._is_managed(sender.domain.lower())
        kind = "managed" if managed else "custom"
        counted = "all" if self._limits.shared_rate else face
        key = f"{principal.subscription_id.lower()} {kind} {counted}"
        return key, rate_of(self._limits, managed=managed)


class LocalQuotas:
    """``Quotas`` in the process that keeps the counts, for the connections of one owner."""

    def __init__(
        self, counts: SubscriptionQuotas, owner: Hashable = None, face: Face = "smtp"
    ) -> None:
        """``face``: the interface of the messages; the profile says whether all share a count."""
        self._counts = counts
        self._owner = owner
        self._face: Face = face

    def enter(self, principal: Principal) -> Reply | None:
        return self._counts.enter(self._owner, principal)

    def leave(self, principal: Principal) -> None:
        self._counts.leave(self._owner, principal)

    def admit(
        self, principal: Principal, sender: Address, recipients: Sequence[Address] = ()
    ) -> Reply | None:
        return self._counts.admit(self._face, principal, sender, recipients)

    def wait(self, principal: Principal, sender: Address) -> float:
        """Return the seconds until ``admit`` would accept a message, for Retry-After."""
        return self._counts.wait(self._face, principal, sender)
