"""Sends messages as the one address that a target takes mail of: MAIL FROM and header From."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from gatepost.mime.rewritten_author import (
    FieldChange,
    HeaderField,
    apply_changes,
    rewrite_author,
    split_header,
)
from gatepost.model.address import Address, parse_address
from gatepost.model.body import WINDOW, Body, Traits, traits_of
from gatepost.model.delivery import Attempt, Contact, Lease, Verdict
from gatepost.model.envelope import Envelope
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import SendAs, ServerAddress
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.api_attempt import aside
from gatepost.relay.transport.contract import Around, Transport
from gatepost.relay.transport.message_fitting import MAX_HEADER, read_header
from gatepost.routing.domains import matches_address

NO_HEADER: Final = Reply(554, "The author cannot be replaced", Esc(5, 6, 0))


class RewrittenBody:
    """Implements Body: a content with another header."""

    __slots__ = ("_body", "_head", "_left_out", "size", "traits")

    def __init__(self, body: Body, head: bytes, left_out: int) -> None:
        """``head`` replaces the first ``left_out`` octets of ``body``."""
        self._body, self._head, self._left_out = body, head, left_out
        self.size = len(head) + body.size - left_out
        """Total number of octets."""
        self.traits: Traits | None = None
        """Those of the content, as far as they still hold."""
        if (traits := traits_of(body)) is not None:
            is_seven_bit = traits.is_seven_bit and head.isascii()
            self.traits = Traits(None, is_seven_bit, traits.is_undotted)

    def chunks(self) -> Iterator[bytes]:
        """Yield the new header, then the rest of the content."""
        for start in range(0, len(self._head), WINDOW):
            yield self._head[start : start + WINDOW]
        left_out = self._left_out
        for chunk in self._body.chunks():
            if left_out < len(chunk):
                yield chunk[left_out:] if left_out else chunk
            left_out = max(0, left_out - len(chunk))


@dataclass(frozen=True, slots=True)
class RewrittenMessage:
    """A message as its target gets it, and which header lines differ."""

    envelope: Envelope
    body: Body
    changes: tuple[FieldChange, ...] = ()


def rewrite_sender(envelope: Envelope, body: Body, send_as: SendAs) -> RewrittenMessage | Reply:
    """Return the message as mail of that address; a Reply says why that is impossible.

    Reads the header.
    """
    address = parse_address(send_as.address)
    head = b"" if _has_no_header(body) else read_header(body)
    if len(head) > MAX_HEADER:
        return NO_HEADER.because("the header is too long")
    if _is_replaced(send_as, envelope.sender):
        envelope = replace(envelope, sender=address)
    if not _is_author_replaced(send_as, head):
        return RewrittenMessage(envelope, body)
    changes = rewrite_author(head, address)
    if not changes:
        return RewrittenMessage(envelope, body)
    new = apply_changes(head, changes)
    return RewrittenMessage(envelope, RewrittenBody(body, new, len(head)), changes)


def _has_no_header(body: Body) -> bool:
    return next(iter(body.chunks()), b"").startswith(b"\r\n")


def _is_replaced(send_as: SendAs, address: Address | None) -> bool:
    return not send_as.instead_of or any(matches_address(p, address) for p in send_as.instead_of)


def _is_author_replaced(send_as: SendAs, head: bytes) -> bool:
    if not send_as.instead_of:
        return True
    authors: list[HeaderField] = [each for each in split_header(head) if each.name == b"from"]
    return any(_is_replaced(send_as, box) for each in authors for box in each.mailboxes)


class SenderRewriting(Around):
    """Implements Transport: another one, whose messages all have one sender."""

    def __init__(self, inner: Transport, target: str, send_as: SendAs) -> None:
        """``target`` is the name of its target."""
        super().__init__(inner)
        self._target, self._send_as = target, send_as

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> AttemptResult:
        """See ``Transport.deliver``."""
        envelope = lease.message.envelope
        sent = await aside(body.size, lambda: rewrite_sender(envelope, body, self._send_as))
        if isinstance(sent, Reply):
            contact, now = Contact(self._target), datetime.now(UTC)
            attempt = Attempt(now, contact, "content", sent, is_remote=False)
            return AttemptResult(attempt, (Verdict("failed", sent),) * len(lease.delivery.waiting))
        lease = replace(lease, message=replace(lease.message, envelope=sent.envelope))
        return await self._inner.deliver(lease, sent.body, server, deadline)
