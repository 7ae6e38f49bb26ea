"""The queue's promise. ``tests/contract/test_deliveries.py`` is the specification.

One owner at a time works on a queue. What it took (a lease) is its own until it settles it, or
until the next owner takes over; then whoever settles is told that the lease is lost.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from gatepost.model.body import Body
from gatepost.model.delivery import (
    Addressee,
    Delivery,
    Lease,
    Planned,
    QueuedMessage,
    Settlement,
    State,
)
from gatepost.model.message import Submission

Action = Literal["hold", "release", "retry", "drop"]
"""An operator's word: keep it from being tried, let it go on, try it now, give it up."""


@dataclass(frozen=True, slots=True)
class QueueSelection:
    """Which deliveries are meant; an empty one means all that are not settled.

    ``states`` empty: all but settled. ``next_hop`` is a key, whole.
    """

    next_hop: str = ""
    states: tuple[State, ...] = ()
    limit: int | None = None
    """Newest first."""


@dataclass(frozen=True, slots=True)
class QueueCount:
    """How many deliveries there are, by state and next hop."""

    waiting: int = 0
    leased: int = 0
    held: int = 0


class Deliveries(Protocol):
    """Messages on their way, per next hop, with fencing; a part of every store.

    Every method that changes something returns when the change would survive a power cut.
    Methods raise QueueError when the store does not work.
    """

    async def take_over(self, now: datetime) -> int:
        """Become the owner; what the owner before had leased is due now. Return the epoch."""

    def put(
        self, submission: Submission, planned: Sequence[Planned], *, leased: bool = True
    ) -> Awaitable[tuple[Lease, ...]]:
        """Accept a message; return a lease of each planned delivery, in order.

        With ``leased`` False nothing is returned, and they wait for their time. The awaitable
        is a future of the running loop. It raises QueueFull (452) or QueueError (451), as
        ``Store.put`` does.
        """

    async def lease(
        self, now: datetime, limit: int, skip: Collection[str] = frozenset()
    ) -> Sequence[Lease]:
        """Take what is due, longest due first, but of every next hop something.

        ``skip`` are keys of next hops that may not be tried now, however much waits for them.
        """

    async def lease_overdue(self, now: datetime, limit: int) -> Sequence[Lease]:
        """Take what waits though its sender has to be told something (``notice_at``).

        So that it is told in time when the next attempt is far away, or its hop is skipped.
        """

    async def next_due(self, skip: Collection[str] = frozenset()) -> datetime | None:
        """Return when ``lease`` or ``lease_overdue`` will have something; None: never."""

    def settle(self, lease: Lease, settlement: Settlement, now: datetime) -> Awaitable[None]:
        """Write down verdicts, reschedule, and accept what it emits, in one commit.

        Raises LeaseLost, and changes nothing, when it is not this owner's newest lease of the
        delivery. Raises ValueError for as many verdicts as nobody waits for.
        """

    async def body(self, message: str) -> Body:
        """Return the content of a message of which something waits. Raises KeyError."""

    async def message(self, id: str) -> QueuedMessage:
        """Return a message without its body; settled ones for a while. Raises KeyError."""

    async def find(self, id: str) -> Sequence[Delivery]:
        """Return a message's deliveries, or the one of that id; none when there is none."""

    async def list(self, selection: QueueSelection = QueueSelection()) -> Sequence[Delivery]:
        """Return deliveries, those of the newest message first."""

    async def count(self) -> dict[str, QueueCount]:
        """Return how many are not settled, by their next hop's key."""

    async def act(
        self,
        action: Action,
        ids: Iterable[str] | None,
        now: datetime,
        some_done: Callable[[], None] = lambda: None,
    ) -> int:
        """Do an operator's will to messages or deliveries, or to all; return to how many.

        ``hold`` keeps what waits, and what is being tried once that attempt is over.
        ``release`` makes what is held due now, ``retry`` what waits. ``drop`` gives up what is
        not settled; who is just trying it is told that the lease is lost, and what it sent is
        sent. ``some_done`` is called whenever it would survive for some more: many take a while.
        """

    async def forget(self, before: datetime) -> int:
        """Delete messages settled before then; return how many."""


def part_of(id: str) -> tuple[str, int | None]:
    """Split a delivery's id into its message's and its number; a message's has none."""
    message, dot, part = id.rpartition(".")
    return (message, int(part)) if dot and part.isascii() and part.isdecimal() else (id, None)


def queued(submission: Submission) -> QueuedMessage:
    """Return a submission as the queue tells of it; who it goes to stands in its deliveries."""
    return QueuedMessage(
        submission.id,
        submission.envelope.addressed_to(()),
        submission.trace,
        submission.received_at,
        submission.principal,
        submission.subject,
        submission.message_id,
        submission.body.size,
    )


def planned_delivery(
    message: str, part: int, planned: Planned, *, leased: bool = False
) -> Delivery:
    """Return a delivery as it is at first: waiting, or leased to who accepted it."""
    return Delivery(
        id=f"{message}.{part}",
        message=message,
        next_hop=planned.next_hop,
        addressees=tuple([Addressee(each) for each in planned.recipients]),
        state="leased" if leased else "waiting",
        due=None if leased else planned.due,
        expires_at=planned.expires_at,
        notice_at=planned.notice_at,
    )
