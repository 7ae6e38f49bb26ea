"""Messages as they travel between processes.

Header text may hold octets that are no UTF-8 (surrogate escapes), so it goes as octets.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gatepost.model.body import Body, BytesBody
from gatepost.model.envelope import Envelope
from gatepost.model.message import StoredMessage, Submission


@dataclass(frozen=True, slots=True)
class Pieces:
    """Content in the pieces in which it travelled."""

    pieces: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Octets in all."""
        return sum(map(len, self.pieces))

    def chunks(self) -> Iterator[bytes]:
        """Yield the pieces."""
        yield from self.pieces


@dataclass(frozen=True, slots=True)
class Carried:
    """A ``Submission`` with its content inside, unless that went ahead."""

    id: str
    envelope: Envelope
    content: tuple[bytes, ...]
    trace: bytes
    received_at: datetime
    principal: str
    subject: bytes
    message_id: bytes
    application: str = ""


def carry(submission: Submission, content: tuple[bytes, ...]) -> Carried:
    """Return what travels."""
    return Carried(
        submission.id,
        submission.envelope,
        content,
        submission.trace,
        submission.received_at,
        submission.principal,
        _octets(submission.subject),
        _octets(submission.message_id),
        submission.application,
    )


def arrive(carried: Carried, body: Body | None = None) -> Submission:
    """Return the submission that was carried; with ``body``, its content went ahead."""
    content = carried.content
    if body is None:
        body = BytesBody(content[0]) if len(content) == 1 else Pieces(content)
    return Submission(
        carried.id,
        carried.envelope,
        body,
        carried.trace,
        carried.received_at,
        carried.principal,
        _text(carried.subject),
        _text(carried.message_id),
        carried.application,
    )


@dataclass(frozen=True, slots=True)
class CarriedMessage:
    """A ``StoredMessage``, its header text beside it."""

    message: StoredMessage
    subject: bytes
    message_id: bytes


def carry_message(message: StoredMessage) -> CarriedMessage:
    """Return what travels."""
    return CarriedMessage(
        replace(message, subject="", message_id=""),
        _octets(message.subject),
        _octets(message.message_id),
    )


def arrive_message(carried: CarriedMessage) -> StoredMessage:
    """Return the message that was carried."""
    return replace(
        carried.message, subject=_text(carried.subject), message_id=_text(carried.message_id)
    )


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
