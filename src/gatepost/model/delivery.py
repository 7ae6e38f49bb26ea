"""What becomes of accepted mail: deliveries, attempts, verdicts."""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal

from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.message import Submission
from gatepost.model.reply import Reply
from gatepost.model.route import NextHop

Outcome = Literal["delivered", "deferred", "failed"]
Fate = Literal["waiting", "delivered", "failed", "dropped"]
"""Of one recipient; ``dropped`` is an operator's word."""
State = Literal["waiting", "leased", "held", "settled"]
"""Of a delivery: for its time, in an owner's hands, for the operator, for nothing any more."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom an attempt spoke to, as far as it came."""

    target: str
    """The target's name in the configuration."""
    host: str = ""
    address: str = ""
    """IP address, with the port where it is not the usual one."""
    tls: str = ""
    """Version and cipher; empty in clear text."""
    verified: bool = False
    """The host's certificate was the right one."""
    mechanism: str = ""
    identity: str = ""
    """Who we signed in as; empty: nobody."""

    def __str__(self) -> str:
        named = self.host if not self.address else f"{self.host} ({self.address})"
        return named if self.host else self.target


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, or several in a row that ended alike."""

    at: datetime
    """When the last of them ended, UTC."""
    contact: Contact
    phase: str
    """The step of the dialogue at which it ended: ``errors.Phase``."""
    reply: Reply
    is_remote: bool
    """The peer said so; else the reply is ours, and says what we saw."""
    seconds: float = 0.0
    """That the last of them took."""
    times: int = 1
    since: datetime | None = None
    """When the first of them ended; None: there is one."""
    finding: str = ""
    """The doctor's id of the cause, where it found one: a page of ``docs/findings``."""
    advice: str = ""
    """The doctor's sentence on it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attempt came to for one recipient."""

    outcome: Outcome
    reply: Reply
    is_remote: bool = False
    """The reply is the peer's, even if the attempt ended with one of ours."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient and what is known of its mail."""

    recipient: Recipient
    fate: Fate = "waiting"
    reply: Reply | None = None
    """The last that was said of it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery that is to be, of a message that is being accepted."""

    next_hop: NextHop
    recipients: tuple[Recipient, ...]
    due: datetime
    expires_at: datetime
    notice_at: datetime
    """When the sender has to be told something, at the latest: that it waits, or failed."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one next hop."""

    id: str
    """The message's id, a dot, and a number."""
    message: str
    next_hop: NextHop
    addressees: tuple[Addressee, ...]
    state: State
    due: datetime | None
    """When it is tried next; None unless it is waiting."""
    expires_at: datetime
    notice_at: datetime
    attempts: int = 0
    history: tuple[Attempt, ...] = ()
    """The last attempts, oldest first; ``queue.history`` keeps it short."""
    warned: bool = False
    """The sender was told that it waits."""
    to_be_held: bool = False
    """An operator wants it kept when the try that goes on is over."""

    @property
    def waiting(self) -> tuple[Recipient, ...]:
        """Those for whom it is still to be delivered, in order."""
        return tuple([each.recipient for each in self.addressees if each.fate == "waiting"])


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """An accepted message without its body."""

    id: str
    envelope: Envelope
    trace: bytes
    received_at: datetime
    principal: str
    subject: str
    message_id: str
    size: int
    is_damaged: bool = False
    """What MAIL had beside the sender cannot be read any more: it goes without."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to try one delivery, and all that is needed for it but the body."""

    delivery: Delivery
    message: QueuedMessage
    epoch: int
    token: int
    """Grows with every lease of this delivery, so that an old one is known (fencing)."""
    key: tuple[int, int] = field(default=(0, 0), compare=False, repr=False)
    """The delivery's, in the store that gave the lease."""

    @property
    def envelope(self) -> Envelope:
        """The envelope, addressed to those who still wait."""
        return self.message.envelope.addressed_to(self.delivery.waiting)


@dataclass(frozen=True, slots=True)
class NewMail:
    """A message of our own, such as a DSN, and where it is to go."""

    submission: Submission
    planned: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one attempt came to, for all recipients that were waiting, in their order.

    ``next_at`` is when those that were deferred are tried again; it must be given for them.
    Without an ``attempt`` nothing was tried: the delivery is given back, or it expired.
    """

    verdicts: Sequence[Verdict]
    next_at: datetime | None = None
    notice_at: datetime | None = None
    """None: as before."""
    attempt: Attempt | None = None
    warned: bool = False
    """The sender is told now that it waits; ``emits`` holds that DSN."""
    emits: tuple[NewMail, ...] = ()
    goes_on: bool = False
    """Others follow at once, in another transaction of what the schedule takes for one attempt."""
    moved: tuple[NextHop, ...] = ()
    """Which way each that waits goes from now on, so that they may part; empty: as before."""
    before: tuple[Attempt, ...] = ()
    """What it came to at other targets of the chain, which were asked first."""
