"""What comes back about a message, read from notifications and from other forms."""

from email.message import EmailMessage

import pytest

from gatepost.mime.returned_mail import LONGEST_FIELD, ReturnedRecipient, read_returned
from tests.unit.mime.test_dsn import made, reported

REPORT = """\
From: MAILER-DAEMON@mx.example.net
To: x@bounces.example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

This is the mail system at host mx.example.net.

--b
Content-Type: message/delivery-status{encoding}

Reporting-MTA: dns; mx.example.net
Arrival-Date: Mon, 30 Nov 2026 07:00:00 +0000

{groups}
--b
Content-Type: message/rfc822

Subject: hi
Final-Recipient: rfc822; not-this@example.net
Action: failed

hello
--b--
"""
FAILED = """\
Final-Recipient: rfc822; Ann@Example.net
Original-Recipient: rfc822;ann@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx1.example.net
Diagnostic-Code: smtp; 550 5.1.1 <ann@example.net>: Recipient
    address rejected
"""
DELAYED = "Final-Recipient: rfc822; bob@example.net\nAction: delayed\nStatus: 4.4.1\n"
RELAYED = "FINAL-RECIPIENT : rfc822;carol@example.net\naction: Relayed (to other)\nstatus: 2.0.0\n"


def report(*groups: str, encoding: str = "", end: str = "\r\n") -> bytes:
    text = REPORT.format(groups="\n".join(groups), encoding=encoding)
    return text.replace("\n", end).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_recipient_of_a_notification_is_read(end: str) -> None:
    returned = read_returned(report(FAILED, DELAYED, RELAYED, end=end))
    assert returned.recipients == (
        ReturnedRecipient(
            "ann@example.net", "failed", "5.1.1",
            "550 5.1.1 <ann@example.net>: Recipient address rejected", "mx1.example.net",
        ),
        ReturnedRecipient("bob@example.net", "delayed", "4.4.1"),
        ReturnedRecipient("carol@example.net", "relayed", "2.0.0"),
    )  # fmt: skip
    assert "mail system" in returned.text


@pytest.mark.parametrize(
    ("kind", "header", "message_id"),
    [
        ("message/rfc822", "Message-ID: <1@example.org>", "<1@example.org>"),
        ("text/rfc822-headers", "message-id:\n <1@example.org> (x)", "<1@example.org>"),
        ("text/plain", "Message-ID: <1@example.org>", ""),
        ("message/rfc822", "X: y\n\nMessage-ID: <1@example.org>", ""),
    ],
)
def test_the_message_that_comes_back(kind: str, header: str, message_id: str) -> None:
    text = report(FAILED, end="\n").decode()
    text = text.replace("message/rfc822", kind).replace("Subject: hi", header)
    assert read_returned(text.encode()).message_id == message_id


def test_our_own_notifications_are_read() -> None:
    dsn, _ = made([reported()])
    [recipient] = read_returned(dsn.content).recipients
    assert (recipient.action, recipient.status[0]) == ("failed", "5")


def test_a_notification_in_another_form() -> None:
    message = EmailMessage()
    message["X-Failed-Recipients"] = "ann@example.net, <bob@example.net>"
    message.set_content("The following address failed:\n\n  ann@example.net\n  550 5.1.1 No user\n")
    returned = read_returned(message.as_bytes())
    assert returned.recipients == ()
    assert returned.failed == ("ann@example.net", "bob@example.net")
    assert "550 5.1.1 No user" in returned.text


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"Content-Type: multipart/report\r\n\r\n",
                                     b"Content-Type: message/delivery-status\r\n\r\nAction: failed",
                                     b"a" * 2_000_000, report("Action: failed\n")])  # fmt: skip
def test_whatever_comes_is_read(content: bytes) -> None:
    assert read_returned(content).recipients == ()


def test_of_a_long_field_the_beginning_is_read() -> None:
    """However often it is continued: with all of it, each line would take longer."""
    group = "Final-Recipient: rfc822; a@b\nAction: failed\nDiagnostic-Code: smtp; 550\n"
    content = REPORT.format(encoding="", groups=group + " no\n" * 20_000 + "Status: 5.1.1\n")
    [recipient] = read_returned(content.encode()).recipients
    assert recipient.diagnostic.startswith("550 no no no")
    assert LONGEST_FIELD - 10 < len(recipient.diagnostic) <= LONGEST_FIELD
    assert recipient.status == "5.1.1"
