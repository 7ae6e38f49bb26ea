"""Messages as they are sent between processes.

Text of a header may contain octets that are not UTF-8 (surrogate escapes), so it is sent as octets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gatepost.model.body import Body, BytesBody, Traits, traits_of
from gatepost.model.envelope import Envelope
from gatepost.model.message import StoredMessage, Submission


@dataclass(frozen=True, slots=True)
class Pieces:
    """Content in the pieces in which it was sent."""

    pieces: tuple[bytes, ...]
    traits: Traits | None = field(default=None, compare=False)

    @property
    def size(self) -> int:
        """Octets in all."""
        return sum(map(len, self.pieces))

    def chunks(self) -> Iterator[bytes]:
        """Yield the pieces."""
        yield from self.pieces


@dataclass(frozen=True, slots=True)
class PackedSubmission:
    """A ``Submission`` without its content, which is sent behind the frame."""

    id: str
    envelope: Envelope
    trace: bytes
    received_at: datetime
    principal: str
    subject: bytes
    message_id: bytes
    application: str = ""
    traits: Traits | None = None


def pack_submission(submission: Submission) -> PackedSubmission:
    """Return a submission as it is sent."""
    return PackedSubmission(
        submission.id,
        submission.envelope,
        submission.trace,
        submission.received_at,
        submission.principal,
        _octets(submission.subject),
        _octets(submission.message_id),
        submission.application,
        traits_of(submission.body),
    )


def unpack_submission(packed: PackedSubmission, body: Body) -> Submission:
    """Return the received submission, whose content is ``body``."""
    return Submission(
        packed.id,
        packed.envelope,
        body,
        packed.trace,
        packed.received_at,
        packed.principal,
        _text(packed.subject),
        _text(packed.message_id),
        packed.application,
    )


@dataclass(frozen=True, slots=True)
class PackedMessage:
    """A ``StoredMessage``, with its header text as octets."""

    message: StoredMessage
    subject: bytes
    message_id: bytes


def body_of(content: Sequence[bytes], traits: Traits | None) -> Body:
    """Return a body with content received in these pieces."""
    return BytesBody(content[0], traits) if len(content) == 1 else Pieces(tuple(content), traits)


def pack_message(message: StoredMessage) -> PackedMessage:
    """Return a message as it is sent."""
    return PackedMessage(
        replace(message, subject="", message_id=""),
        _octets(message.subject),
        _octets(message.message_id),
    )


def unpack_message(packed: PackedMessage) -> StoredMessage:
    """Return the received message."""
    return replace(
        packed.message, subject=_text(packed.subject), message_id=_text(packed.message_id)
    )


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
