"""Messages for stores."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
BODY = b"Subject: hi\r\n\r\nhello\r\n"


def message(id: str = "m1", body: bytes = BODY, **other: Any) -> Submission:
    """Return a message; ``other`` fields of Submission replace the defaults."""
    usual = Submission(
        id=id,
        envelope=envelope("alice@example.org", "bob@example.net"),
        body=BytesBody(body),
        trace=b"Received: by localhost\r\n",
        received_at=NOON,
        principal="res.app.tenant",
        subject="hi",
        message_id="<1@example.org>",
    )
    return replace(usual, **other)


def envelope(sender: str, *to: str) -> Envelope:
    """Return an envelope; an empty sender is the null path."""
    return Envelope(
        parse_address(sender) if sender else None,
        tuple([Recipient(parse_address(each)) for each in to]),
    )
