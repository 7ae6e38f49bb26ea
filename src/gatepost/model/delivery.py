"""What becomes of accepted mail: deliveries, attempts, verdicts."""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal

from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.message import Submission
from gatepost.model.note import Note
from gatepost.model.reply import Reply
from gatepost.model.report import PublishedReport, SuppressedPeriod
from gatepost.model.route import NextHop

VerdictKind = Literal["delivered", "deferred", "failed"]
Fate = Literal["waiting", "delivered", "failed", "dropped"]
"""The state of one recipient; ``dropped``: by an operator."""
State = Literal["waiting", "leased", "held", "settled"]
"""The state of a delivery: it waits until it is due, is being attempted, is held by an operator,
or is done."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The server that an attempt was made at, as far as it came."""

    target: str
    """The target's name in the configuration."""
    host: str = ""
    address: str = ""
    """IP address, with the port if it is not the default one."""
    tls: str = ""
    """Version and cipher; empty without TLS."""
    verified: bool = False
    """Whether the certificate was valid for the host."""
    mechanism: str = ""
    identity: str = ""
    """The identity that signed in; empty: there was no login."""

    def __str__(self) -> str:
        named = self.host if not self.address else f"{self.host} ({self.address})"
        return named if self.host else self.target


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, or several consecutive ones with the same result."""

    at: datetime
    """When the last of them ended, UTC."""
    contact: Contact
    phase: str
    """The step of the dialogue at which it ended: ``errors.Phase``."""
    reply: Reply
    is_remote: bool
    """Whether the reply is the server's; otherwise it is ours, and describes what happened."""
    seconds: float = 0.0
    """The duration of the last of them."""
    times: int = 1
    since: datetime | None = None
    """When the first of them ended; None: there was only one."""
    finding: str = ""
    """The id of the doctor's finding, if there is one: a page of ``docs/findings``."""
    advice: str = ""
    """The doctor's advice in a sentence."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of an attempt for one recipient."""

    kind: VerdictKind
    reply: Reply
    is_remote: bool = False
    """The reply is the peer's, even if the attempt ended with one of ours."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient and the state of its mail."""

    recipient: Recipient
    fate: Fate = "waiting"
    reply: Reply | None = None
    """The last reply about it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned delivery of a message that is being accepted."""

    next_hop: NextHop
    recipients: tuple[Recipient, ...]
    due: datetime
    expires_at: datetime
    notice_at: datetime
    """The latest time at which the sender must be notified of a delay or failure."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """Another node has taken over a delivery from a dead one."""

    before: str
    """The name of the dead node."""
    at: datetime
    after: str = ""
    """The node that leased it then; empty: none has yet."""


@dataclass(frozen=True, slots=True)
class Reroute:
    """An operator has sent a delivery to another target."""

    at: datetime
    by: str
    """Who; empty: unknown."""
    before: str
    """The key of the next hop that it had."""
    target: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one next hop."""

    id: str
    """The id of the message, a dot, and a number."""
    message: str
    next_hop: NextHop
    addressees: tuple[Addressee, ...]
    state: State
    due: datetime | None
    """The time of the next attempt; None unless it is waiting."""
    expires_at: datetime
    notice_at: datetime
    attempts: int = 0
    history: tuple[Attempt, ...] = ()
    """The last attempts, oldest first; ``queue.delivery_changes`` limits their number."""
    warned: bool = False
    """The sender was notified of the delay."""
    to_be_held: bool = False
    """An operator wants it to be held after the attempt in progress."""
    node: str = field(default="", compare=False, repr=False)
    """The name of the node that has leased it, if several share the store."""
    takeover: Takeover | None = field(default=None, compare=False, repr=False)
    """The last one; None: there was none."""
    reroutes: tuple[Reroute, ...] = ()
    """The last ones, oldest first; ``queue.delivery_changes`` limits their number."""

    @property
    def waiting(self) -> tuple[Recipient, ...]:
        """The recipients to whom it must still be delivered, in order."""
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
    """The parameters of MAIL cannot be read any more, so it is sent without them."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to attempt one delivery, and what is needed for it except the body."""

    delivery: Delivery
    message: QueuedMessage
    epoch: int
    token: int
    """Increases with every lease of this delivery, so that an old one is recognised (fencing)."""
    key: tuple[int, int] = field(default=(0, 0), compare=False, repr=False)
    """The key of the delivery in the store that gave the lease."""

    @property
    def envelope(self) -> Envelope:
        """The envelope with the recipients that still wait."""
        return self.message.envelope.addressed_to(self.delivery.waiting)


@dataclass(frozen=True, slots=True)
class NewMail:
    """A message that the relay itself sends, such as a DSN, and its next hops."""

    submission: Submission
    planned: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result of one attempt, for all recipients that were waiting, in their order.

    ``next_at`` is the time of the next attempt for deferred recipients, and required for them.
    Without an ``attempt`` nothing was tried: the lease is returned, or the delivery has expired.
    """

    verdicts: Sequence[Verdict]
    next_at: datetime | None = None
    notice_at: datetime | None = None
    """None: unchanged."""
    attempt: Attempt | None = None
    warned: bool = False
    """The sender is notified of the delay now; ``emits`` has the DSN."""
    emits: tuple[NewMail, ...] = ()
    goes_on: bool = False
    """Other recipients follow immediately, in another transaction of the same scheduled attempt."""
    moved: tuple[NextHop, ...] = ()
    """The new next hops of the recipients that wait, which may differ; empty: unchanged."""
    rerouted: Reroute | None = None
    """What an operator has ordered of the recipients that wait; ``moved`` has their next hops."""
    before: tuple[Attempt, ...] = ()
    """The attempts at other targets of the route, which were tried first."""
    reports: tuple[PublishedReport, ...] = ()
    """What subscribers get about it; one whose id exists already is ignored."""
    suppressed: tuple[SuppressedPeriod, ...] = ()
    """Addresses that get no more mail for a while."""
    notes: tuple[Note, ...] = ()
    """By which what providers report later is found."""
