"""The plug point Deliveries: the queue. ``tests/contract/test_deliveries.py`` specifies it.

An owner leases deliveries, and settles each lease after an attempt. A queue has one owner at a
time, except in a store that several relays share (``cluster_contract``): there each is one. When an
owner is replaced, all its leases are lost: settling one raises LeaseLost.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, Protocol

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
from gatepost.model.route import NextHop

NOTE_EVERY: Final = timedelta(seconds=30)
Action = Literal["hold", "release", "retry", "drop"]
"""What an operator can do: stop attempts, resume them, attempt now, give up."""


@dataclass(frozen=True, slots=True)
class QueueSelection:
    """A filter for deliveries; the default selects all that are not settled.

    All parts must match; an empty one matches everything. ``next_hop`` is the key of a next hop.
    ``states`` empty: all but settled.
    """

    next_hop: str = ""
    states: tuple[State, ...] = ()
    limit: int | None = None
    """Newest first; ``select`` does not use it."""
    sender: str = ""
    """A whole address, or that of a domain (``@example.net``), in any case of letters; ``*`` is any
    characters. ``<>``: the null sender."""
    recipient: str = ""
    """The same, for at least one recipient that waits; where none does, for any recipient."""
    received_before: datetime | None = None
    """The latest time at which the message was accepted."""
    received_after: datetime | None = None
    """The earliest."""
    cause: str = ""
    """The id of the doctor's finding about the last attempt."""
    target: str = ""
    """The target of the last attempt; before the first one, and of what an operator has sent to a
    target, the first of a route in ``first_of``."""
    first_of: frozenset[str] = frozenset()
    """The names of the routes whose first target is ``target``."""
    changed_by: Action | None = None
    """Only what this action changes."""


Cursor = tuple[int, int]
"""How far a queue was looked through; only its store knows what that means."""


class MessageOrigin(NamedTuple):
    """Of whom, and when, the message of a delivery was accepted."""

    sender: str
    """Empty: the null sender."""
    at: datetime


class SelectedSome(NamedTuple):
    """The selected ones of some deliveries."""

    deliveries: Sequence[Delivery]
    after: Cursor | None
    """Where the others begin; None: there are none."""
    accepted: Sequence[MessageOrigin] = ()
    """For each of the deliveries."""


@dataclass(frozen=True, slots=True)
class QueueCount:
    """Numbers of deliveries of one next hop, by state."""

    waiting: int = 0
    leased: int = 0
    held: int = 0


class Deliveries(Protocol):
    """The queue of a store: messages to deliver, one delivery for each next hop, with fencing.

    Methods that change something return when the change would survive a power cut. All methods
    raise QueueError when the store has failed.
    """

    async def take_over(self, now: datetime) -> int:
        """Become the owner, or one of them, and return its epoch; deliveries that an earlier one
        had leased become due ``now``."""

    def put(
        self, submission: Submission, planned: Sequence[Planned], *, leased: bool = True
    ) -> Awaitable[tuple[Lease, ...]]:
        """Accept a message; return a lease for each planned delivery, in the same order.

        With ``leased`` False, the deliveries wait until they are due, and the result is empty. The
        awaitable is a future of the running loop. It raises QueueFull (452) or QueueError (451),
        as ``Store.put`` does.
        """

    async def lease(
        self, now: datetime, limit: int, skip: Collection[str] = frozenset()
    ) -> Sequence[Lease]:
        """Lease up to ``limit`` due deliveries: the longest due first, some of every next hop.

        ``skip`` has the keys of next hops that are left out. One whose recipients cannot be read is
        held, and returned once, in that state, to be reported; it is not leased.
        """

    async def lease_overdue(self, now: datetime, limit: int) -> Sequence[Lease]:
        """Lease up to ``limit`` deliveries whose sender must be notified now (``notice_at``).

        These are leased even if they are not due, or their next hop would be skipped.
        """

    async def looked_at(self) -> datetime | None:
        """Return the time of the last ``lease`` while some waited, by this owner or an earlier one,
        to NOTE_EVERY; None: unknown. If it is yet to come, the clock was put back meanwhile."""

    async def next_due(self, skip: Collection[str] = frozenset()) -> datetime | None:
        """Return the time at which one of the two ``lease`` methods has work; None: none waits."""

    def settle(self, lease: Lease, settlement: Settlement, now: datetime) -> Awaitable[None]:
        """Record an attempt: verdicts, the next due time, and new mail, in one commit.

        Raises LeaseLost, without changing anything, unless ``lease`` is the newest of its delivery
        and of this owner. Raises ValueError unless there is one verdict for each waiting recipient.
        """

    async def body(self, message: str) -> Body:
        """Return the content of a message with deliveries that are not settled. Raises KeyError."""

    async def message(self, id: str) -> QueuedMessage:
        """Return a message without its content, for a while also settled ones. Raises KeyError."""

    async def find(self, id: str) -> Sequence[Delivery]:
        """Return the deliveries of a message, or the delivery with this id; empty if unknown."""

    async def list(self, selection: QueueSelection = QueueSelection()) -> Sequence[Delivery]:
        """Return the selected deliveries, those of the newest message first."""

    async def select(self, selection: QueueSelection, after: Cursor | None = None) -> SelectedSome:
        """Look at a bounded number of deliveries, in the order of ``list``, and return those that
        are selected. From one call to the next, ``after`` leads through the queue as it was at the
        first; nothing is returned twice, whatever happens to the deliveries meanwhile."""

    async def count(self) -> dict[str, QueueCount]:
        """Return the numbers of unsettled deliveries by the key of their next hop."""

    async def act(
        self,
        action: Action,
        ids: Iterable[str] | None,
        now: datetime,
        some_done: Callable[[], None] = lambda: None,
    ) -> int:
        """Apply an operator's action; return the number of deliveries that it changed.

        ``ids`` are of messages or deliveries; None: all. ``hold`` stops attempts at waiting
        deliveries, and at leased ones after the current attempt. ``release`` makes held deliveries
        due now, ``retry`` waiting ones. ``drop`` settles deliveries without a notification; the
        lease of a current attempt is lost, although its message may arrive. With many deliveries
        there are several commits, after each of which ``some_done`` is called.
        """

    async def reroute(
        self, ids: Iterable[str], to: NextHop, by: str, now: datetime
    ) -> Sequence[str]:
        """Send deliveries to a target, whatever their routes; return the ids of those that were
        changed.

        ``ids`` are of messages or deliveries, ``by`` names the operator. Waiting ones become due
        now, held ones stay held, and leased ones are left alone.
        """

    async def forget(self, before: datetime) -> int:
        """Delete messages that were settled before ``before``; return how many."""


def part_of(id: str) -> tuple[str, int | None]:
    """Split a delivery's id into message id and number; the number is None for a message id."""
    message, dot, part = id.rpartition(".")
    return (message, int(part)) if dot and part.isascii() and part.isdecimal() else (id, None)


def queued(submission: Submission) -> QueuedMessage:
    """Return the queue's view of a submission; its recipients are in the deliveries."""
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
    """Return a new delivery: waiting, or leased to the owner that accepts the message."""
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
