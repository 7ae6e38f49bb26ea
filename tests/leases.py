"""Leases to hand to a transport, and the outcomes of the attempts."""

from datetime import UTC, datetime

from gatepost.model.address import parse_address
from gatepost.model.delivery import Addressee, Delivery, Lease, QueuedMessage
from gatepost.model.envelope import BodyType, Envelope, Recipient
from gatepost.model.route import NextHop
from gatepost.queue.attempt_result import AttemptResult

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TRACE = b"Received: from a by b\r\n"


def lease(
    *recipients: str | Recipient,
    sender: str = "a@example.com",
    body: BodyType = "7BIT",
    attempts: int = 0,
    id: str = "m1",
    **options: object,
) -> Lease:
    """Return a lease of a delivery to these recipients; `options` are the envelope's."""
    people = tuple(
        each if isinstance(each, Recipient) else Recipient(parse_address(each))
        for each in recipients or ("b@example.net",)
    )
    envelope = Envelope(
        parse_address(sender) if sender else None,
        body=body,
        **options,  # type: ignore[arg-type]
    )
    delivery = Delivery(
        f"{id}.1", id, NextHop("hub"), tuple([Addressee(each) for each in people]), "leased",
        None, NOON, NOON, attempts,
    )  # fmt: skip
    message = QueuedMessage(id, envelope, TRACE, NOON, "app", "hi", "<1@example.com>", 22)
    return Lease(delivery, message, 1, 1)


def outcomes(handed: AttemptResult) -> list[tuple[str, int]]:
    """Return the outcome for each recipient, with the reply's code."""
    return [(each.kind, each.reply.code) for each in handed.verdicts]
