"""What subscribers learn of relayed mail: who was reached, and who never will be."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from gatepost.model.address import Address
from gatepost.model.delivery import Contact, Delivery, QueuedMessage, Settlement
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.note import Note
from gatepost.model.reply import Reply
from gatepost.model.report import PublishedReport, SuppressedPeriod


@dataclass(frozen=True, slots=True)
class EndedRecipient:
    """A recipient for whom a settlement is the end."""

    address: Address
    is_delivered: bool
    """A next hop has taken the message."""
    reply: Reply
    is_remote: bool
    """Whether the reply is the server's."""
    contact: Contact
    at: datetime
    delivery: str = ""
    """The id of its delivery."""
    place: int = 0
    """Its place among the recipients of the delivery."""


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """What is written in the same commit as a settlement."""

    reports: tuple[PublishedReport, ...] = ()
    suppressed: tuple[SuppressedPeriod, ...] = ()
    notes: tuple[Note, ...] = ()


class OutcomeReporter(Protocol):
    """Makes the reports about relayed mail."""

    def describe(self, message: QueuedMessage, ended: Sequence[EndedRecipient]) -> OutcomeRecord:
        """Return what is to be recorded."""

    def tell_recorded(self) -> None:
        """Note that reports were committed."""


def ended_recipients(
    delivery: Delivery, settlement: Settlement, now: datetime
) -> Iterator[EndedRecipient]:
    """Yield the recipients who do not wait any more after a settlement."""
    attempt = settlement.attempt or (delivery.history[-1] if delivery.history else None)
    contact = attempt.contact if attempt is not None else Contact("")
    is_remote = settlement.attempt is not None and settlement.attempt.is_remote
    waiting = [
        (place, each.recipient)
        for place, each in enumerate(delivery.addressees)
        if each.fate == "waiting"
    ]
    for (place, recipient), verdict in zip(waiting, settlement.verdicts, strict=True):
        if verdict.kind != "deferred":
            yield EndedRecipient(
                recipient.address,
                verdict.kind == "delivered",
                verdict.reply,
                is_remote or verdict.is_remote,
                contact,
                now if settlement.attempt is None else settlement.attempt.at,
                delivery.id,
                place,
            )
