"""A submission as it travels from a front process to the store process."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gatepost.model.body import Body, BytesBody
from gatepost.model.envelope import Envelope
from gatepost.model.message import Submission


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
    """A ``Submission`` with its content inside."""

    id: str
    envelope: Envelope
    content: tuple[bytes, ...]
    trace: bytes
    received_at: datetime
    principal: str
    subject: bytes
    message_id: bytes


def carry(submission: Submission) -> Carried:
    """Return what travels. Header text may hold octets that are no UTF-8, so it goes as octets."""
    return Carried(
        submission.id,
        submission.envelope,
        tuple(submission.body.chunks()),
        submission.trace,
        submission.received_at,
        submission.principal,
        submission.subject.encode("utf-8", "surrogateescape"),
        submission.message_id.encode("utf-8", "surrogateescape"),
    )


def arrive(carried: Carried) -> Submission:
    """Return the submission that was carried."""
    content = carried.content
    body: Body = BytesBody(content[0]) if len(content) == 1 else Pieces(content)
    return Submission(
        carried.id,
        carried.envelope,
        body,
        carried.trace,
        carried.received_at,
        carried.principal,
        carried.subject.decode("utf-8", "surrogateescape"),
        carried.message_id.decode("utf-8", "surrogateescape"),
    )
