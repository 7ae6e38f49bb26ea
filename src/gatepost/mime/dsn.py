"""Delivery status notifications: whether one is due, and its content.

RFC 3461 (who wants one), RFC 3464 (its fields), RFC 3463 (status), RFC 6522 (multipart/report), RFC
6533 (UTF-8), RFC 3834 (Auto-Submitted), RFC 5321 4.5.5 (the null path, so that no notification
answers another).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from gatepost.mime.composed_parts import text_entity
from gatepost.mime.dates import format_date
from gatepost.mime.dsn_fields import delivery_status
from gatepost.mime.dsn_wording import explain, subject_of
from gatepost.model.address import Address
from gatepost.model.body import Body
from gatepost.model.delivery import QueuedMessage
from gatepost.model.dsn import Action, NotificationOrigin, Reported
from gatepost.model.envelope import Envelope, Recipient

MOST_RETURNED: Final = 1024 * 1024
"""Maximum octets of a message that is returned whole; of a larger one, only the header."""
MOST_HEADER: Final = 65_536

Wish = Literal["SUCCESS", "FAILURE", "DELAY"]

_WISHES: Final[Mapping[Action, Wish]] = {
    "failed": "FAILURE",
    "delayed": "DELAY",
    "delivered": "SUCCESS",
    "relayed": "SUCCESS",
    "expanded": "SUCCESS",
}


def wants(sender: Address | None, recipient: Recipient, action: Action) -> bool:
    """Tell whether the sender wants to know this about a recipient (RFC 3461 4.1).

    Without a NOTIFY, it is told of failures and delays. The null path, from which notifications
    come, is told nothing.
    """
    if sender is None:
        return False
    if not recipient.notify:
        return _WISHES[action] != "SUCCESS"
    return _WISHES[action] in recipient.notify


def on_success(recipient: Recipient, *, passed_on: bool, is_final: bool) -> Action | None:
    """Return what the sender is told about a success, if it asked (RFC 3461 5.2).

    ``passed_on``: the next hop supports DSN, got the NOTIFY, and reports to the sender itself.
    ``is_final``: the message has reached its mailbox.
    """
    if "SUCCESS" not in recipient.notify or passed_on:
        return None
    return "delivered" if is_final else "relayed"


@dataclass(frozen=True, slots=True)
class Dsn:
    """A notification, ready to be accepted."""

    envelope: Envelope
    content: bytes
    subject: str
    message_id: str


def make_dsn(
    original: QueuedMessage,
    body: Body | None,
    reported: Sequence[Reported],
    reporter: NotificationOrigin,
    most: int = MOST_RETURNED,
) -> Dsn | None:
    """Return the notification about those recipients of which the sender wants to know; None if
    there are none.

    ``body`` None: nothing of the message is returned. RET is honoured for failures; of a message of
    more than ``most`` octets, or without a failure, only the header is returned (RFC 3461 4.3,
    6.2).
    """
    envelope = original.envelope
    included = tuple(
        [each for each in reported if wants(envelope.sender, each.recipient, each.action)]
    )
    if envelope.sender is None or not included:
        return None
    failed = any(each.action == "failed" for each in included)
    fits = original.size <= most and envelope.body != "BINARYMIME"  # RFC 3030 4: not inside text
    whole = envelope.ret == "FULL" and failed and body is not None and fits
    utf8 = _is_international(envelope, included)
    returned = b"" if body is None else _returned(original, body, whole=whole)
    report = delivery_status(original, included, reporter, utf8=utf8)
    text = text_entity("plain", explain(original, included, reporter, whole=whole))
    parts = [text.fields + b"\r\n" + b"".join(text.pieces), report]
    if body is not None:
        parts.append(_third_part(returned, whole=whole, utf8=utf8))
    content = _assemble(original, included, reporter, parts)
    back = Envelope(
        None,
        (Recipient(envelope.sender, frozenset({"NEVER"})),),
        body="7BIT" if content.isascii() else "8BITMIME",
        smtputf8=utf8 and not content.isascii(),
    )
    return Dsn(back, content, subject_of(included), message_id(reporter))


def message_id(reporter: NotificationOrigin) -> str:
    """Return the notification's Message-ID."""
    return f"<{reporter.id}@{reporter.host}>"


def _assemble(
    original: QueuedMessage,
    included: Sequence[Reported],
    reporter: NotificationOrigin,
    parts: Sequence[bytes],
) -> bytes:
    boundary = _boundary(parts)
    lines = [
        f"From: Mail Delivery System <MAILER-DAEMON@{reporter.host}>",
        f"To: <{original.envelope.sender}>",
        f"Subject: {subject_of(included)}",
        f"Date: {format_date(reporter.now)}",
        f"Message-ID: {message_id(reporter)}",
        *_threading(original.message_id),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"',
    ]
    if not all(each.isascii() for each in parts):
        lines.append("Content-Transfer-Encoding: 8bit")
    lines += ["", "This is a report in MIME format (RFC 3464).", ""]
    head = "\r\n".join(lines).encode("utf-8", "replace")
    body = b"".join(f"--{boundary}\r\n".encode() + _ended(each) + b"\r\n" for each in parts)
    return head + b"\r\n" + body + f"--{boundary}--\r\n".encode()


def _threading(id_: str) -> list[str]:
    """Return fields with which mail clients show the report beside the message; only for a valid
    Message-ID."""
    is_proper = id_.startswith("<") and id_.endswith(">") and id_.isascii() and id_.isprintable()
    if not is_proper or " " in id_ or len(id_) > 900:
        return []
    return [f"In-Reply-To: {id_}", f"References: {id_}"]


def _boundary(parts: Sequence[bytes]) -> str:
    """Return a line that is in none of the parts, whatever they contain: it is derived from all of
    them, so that nobody can predict it."""
    digest = hashlib.blake2b(digest_size=16)
    for each in parts:
        digest.update(each)
    return f"=_{digest.hexdigest()}"


def _ended(part: bytes) -> bytes:
    return part if part.endswith(b"\r\n") else part + b"\r\n"


def _third_part(returned: bytes, *, whole: bool, utf8: bool) -> bytes:
    if utf8 and not returned.isascii():
        kind = "message/global" if whole else "message/global-headers"
    else:
        kind = "message/rfc822" if whole else "text/rfc822-headers"
    fields = f"Content-Type: {kind}\r\n"
    if not returned.isascii():
        if whole or utf8:
            fields += "Content-Transfer-Encoding: 8bit\r\n"
        else:  # RFC 6522 4: headers that are broken may be encoded
            fields += "Content-Transfer-Encoding: quoted-printable\r\n"
            returned = _quoted(returned)
    return fields.encode() + b"\r\n" + returned


def _quoted(octets: bytes) -> bytes:
    from binascii import b2a_qp  # noqa: PLC0415 - rarely

    return b2a_qp(octets, istext=True)


def _returned(original: QueuedMessage, body: Body, *, whole: bool) -> bytes:
    """Return the message with our trace fields, or its header."""
    if whole:
        return original.trace + b"".join(body.chunks())
    return original.trace + _header(body)


def _header(body: Body) -> bytes:
    """Return the header, or the part of a long one that ends with a line."""
    head = b""
    for chunk in body.chunks():
        head += chunk
        if b"\r\n\r\n" in head or len(head) > MOST_HEADER:
            break
    if head.startswith(b"\r\n"):
        return b""
    header, end, _ = head.partition(b"\r\n\r\n")
    if end and len(header) <= MOST_HEADER:
        return header + b"\r\n"
    cut = head.rfind(b"\r\n", 0, MOST_HEADER)
    return head[: cut + 2] if cut >= 0 else head[:MOST_HEADER]


def _is_international(envelope: Envelope, included: Sequence[Reported]) -> bool:
    """Tell whether SMTPUTF8 is needed and possible: a sender that used it can receive it (RFC 6533
    1)."""
    sender = envelope.sender
    if envelope.smtputf8 or (sender is not None and not sender.is_ascii):
        return True
    return any(not each.recipient.address.is_ascii for each in included)
