"""RFC 3461 to 3464, 6522, 6533: who gets a report, and its content."""

import email
import email.message
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mime.dsn import Dsn, make_dsn, on_success, wants
from gatepost.mime.dsn_fields import status_of
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.delivery import QueuedMessage
from gatepost.model.dsn import Action, NotificationOrigin, Reported
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.reply import Esc, Reply

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
ALICE = parse_address("alice@example.org")
BOB = Recipient(parse_address("bob@example.net"), orcpt="rfc822;Bob+2Btag@example.net")
REPORTER = NotificationOrigin("relay.example.com", "7-1", NOW)
NO_USER = Reply(550, "no such user\nhere", Esc(5, 1, 1))
HEADER = b"From: <alice@example.org>\r\nSubject: hello\r\n"
CONTENT = HEADER + b"\r\nhi\r\n"

WISHES = [
    # NOTIFY               failed  delayed  delivered  relayed
    ("",                   True,   True,    False,     False),
    ("NEVER",              False,  False,   False,     False),
    ("FAILURE",            True,   False,   False,     False),
    ("DELAY",              False,  True,    False,     False),
    ("SUCCESS",            False,  False,   True,      True),
    ("SUCCESS,FAILURE",    True,   False,   True,      True),
]  # fmt: skip


@pytest.mark.parametrize(("notify", "failed", "delayed", "delivered", "relayed"), WISHES)
def test_notify_decides_which_reports_are_sent(
    notify: str, failed: bool, delayed: bool, delivered: bool, relayed: bool
) -> None:
    recipient = replace(BOB, notify=frozenset(notify.split(",")) - {""})
    expected: dict[Action, bool] = {
        "failed": failed, "delayed": delayed, "delivered": delivered, "relayed": relayed,
    }  # fmt: skip
    for action, told in expected.items():
        assert wants(ALICE, recipient, action) == told
        assert not wants(None, recipient, action), "nothing answers the null path"
        assert (make([reported(action, recipient=recipient)]) is not None) == told


@pytest.mark.parametrize(
    ("notify", "passed_on", "is_final", "action"),
    [
        ({"SUCCESS"}, False, False, "relayed"),
        ({"SUCCESS"}, False, True, "delivered"),
        ({"SUCCESS"}, True, False, None),
        ({"FAILURE"}, False, False, None),
        (set(), False, True, None),
    ],
)
def test_success(notify: set[str], passed_on: bool, is_final: bool, action: str | None) -> None:
    recipient = replace(BOB, notify=frozenset(notify))
    assert on_success(recipient, passed_on=passed_on, is_final=is_final) == action


def message(content: bytes = CONTENT, **envelope: Any) -> QueuedMessage:
    return QueuedMessage(
        id="6-1",
        envelope=replace(Envelope(ALICE), **envelope),
        trace=b"Received: from client by relay; date\r\n",
        received_at=NOW - timedelta(hours=1),
        principal="app",
        subject="hello",
        message_id="<1@example.org>",
        size=len(content),
    )


def reported(action: Action = "failed", **other: Any) -> Reported:
    usual = Reported(BOB, action, NO_USER, is_remote=True, host="mx.example.net", attempted_at=NOW)
    return replace(usual, **other)


def make(
    about: list[Reported] | None = None, content: bytes | None = CONTENT, most: int = 10_000,
    **envelope: Any,
) -> Dsn | None:  # fmt: skip
    body = None if content is None else BytesBody(content)
    original = message(content or b"", **envelope)
    return make_dsn(original, body, about or [reported()], REPORTER, most)


def made(*args: Any, **others: Any) -> "tuple[Dsn, email.message.Message[str, str]]":
    dsn = make(*args, **others)
    assert dsn is not None
    assert b"\n" not in dsn.content.replace(b"\r\n", b"")
    return dsn, email.message_from_bytes(dsn.content)


def groups(parsed: "email.message.Message[str, str]") -> list[dict[str, str]]:
    """The fields of message/delivery-status, unfolded, group by group."""
    part = parsed.get_payload(1)
    assert isinstance(part, email.message.Message)
    if part.get_content_type() == "message/delivery-status":
        found: Any = part.get_payload()
        return [dict(each.items()) for each in found if each.items()]
    text: Any = part.get_payload()
    inner = text if isinstance(text, str) else text[0].as_string()
    return [
        dict(line.split(": ", 1) for line in group.split("\n") if line)
        for group in inner.replace("\r\n", "\n").split("\n\n")
        if group.strip()
    ]


def test_the_report() -> None:
    dsn, parsed = made()
    assert dsn.envelope == Envelope(None, (Recipient(ALICE, frozenset({"NEVER"})),))
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert parsed["To"] == "<alice@example.org>"
    assert parsed["From"] == "Mail Delivery System <MAILER-DAEMON@relay.example.com>"
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["Message-ID"] == dsn.message_id == "<7-1@relay.example.com>"
    assert parsed["In-Reply-To"] == parsed["References"] == "<1@example.org>"
    assert parsed["Date"] == "Tue, 24 Nov 2026 10:00:00 +0000"
    parts: Any = parsed.get_payload()
    assert [each.get_content_type() for each in parts] == [
        "text/plain", "message/delivery-status", "text/rfc822-headers",
    ]  # fmt: skip
    about, bob = groups(parsed)
    assert about == {
        "Reporting-MTA": "dns; relay.example.com",
        "Arrival-Date": "Tue, 24 Nov 2026 09:00:00 +0000",
    }
    assert bob == {
        "Original-Recipient": "rfc822; Bob+tag@example.net",
        "Final-Recipient": "rfc822; bob@example.net",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.example.net",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such user here",
        "Last-Attempt-Date": "Tue, 24 Nov 2026 10:00:00 +0000",
    }
    assert parts[2].get_payload() == "Received: from client by relay; date\r\n" + HEADER.decode()


def test_the_text_says_what_happened() -> None:
    _, parsed = made([reported(why="The address bob@example.net does not exist.")])
    part: Any = parsed.get_payload(0)
    text = part.get_payload()
    assert "<bob@example.net>" in text
    assert "The address bob@example.net does not exist." in text
    assert "mx.example.net replied: 550 5.1.1 no such user here" in text
    assert all(len(line) <= 78 for line in text.splitlines())


def test_a_failure_report_says_why_no_server_was_reached() -> None:
    reply = Reply(451, "No connection", reason="cannot connect to hub.example:587")
    _, parsed = made([reported(reply=reply, is_remote=False, host="", why="Its time was up.")])
    text = str(parsed.get_payload(0)).splitlines()
    at = text.index("    Its time was up.")
    assert text[at + 1] == "    cannot connect to hub.example:587"


def test_a_delay_says_until_when() -> None:
    until = NOW + timedelta(days=4)
    later = Reply(450, "later", Esc(4, 2, 0))
    dsn, parsed = made([reported("delayed", reply=later, retry_until=until)])
    subject = "Your message is delayed; you need not do anything yet"
    assert dsn.subject == parsed["Subject"] == subject
    _, bob = groups(parsed)
    assert (bob["Action"], bob["Status"]) == ("delayed", "4.2.0")
    assert bob["Will-Retry-Until"] == "Sat, 28 Nov 2026 10:00:00 +0000"


def test_local_failures_are_no_smtp_diagnostics() -> None:
    ours = Reply(451, "unreachable", Esc(4, 4, 1), reason="connection refused")
    about = reported(reply=ours, is_remote=False, host="mx", status=Esc(5, 4, 7))
    dsn, parsed = made([about])
    _, bob = groups(parsed)
    assert "Remote-MTA" not in bob
    assert (bob["Status"], bob["Diagnostic-Code"]) == ("5.4.7", "x-gatepost; connection refused")
    assert b"\r\n    connection refused\r\n" in dsn.content
    dsn, _ = made([replace(about, reply=Reply(451, "unreachable"))])
    assert b"\r\n    unreachable\r\n" in dsn.content


def test_no_word_of_a_server_is_longer_than_a_line() -> None:
    dsn, _ = made([reported(reply=Reply(550, "u" * 1900, Esc(5, 7, 1)))])
    assert max(len(line) for line in dsn.content.split(b"\r\n")) <= 998


def test_a_report_names_only_recipients_that_want_it() -> None:
    never = Recipient(parse_address("carol@example.net"), frozenset({"NEVER"}))
    good = Recipient(parse_address("dave@example.net"), frozenset({"SUCCESS"}))
    ok = Reply(250, "ok")
    dsn, parsed = made(
        [reported(), reported(recipient=never), reported("relayed", recipient=good, reply=ok)]
    )
    assert b"carol" not in dsn.content
    _, _bob, dave = groups(parsed)
    assert "Original-Recipient" not in dave, "RFC 3461 6.3: only with ORCPT"
    assert (dave["Action"], dave["Status"]) == ("relayed", "2.0.0")
    assert dsn.subject == "Your message could not be delivered"


RETURNED = [
    # RET    action      size limit   what comes back
    ("FULL", "failed",   10_000,      "message/rfc822"),
    ("HDRS", "failed",   10_000,      "text/rfc822-headers"),
    (None,   "failed",   10_000,      "text/rfc822-headers"),
    ("FULL", "failed",   5,           "text/rfc822-headers"),
    ("FULL", "delayed",  10_000,      "text/rfc822-headers"),
]  # fmt: skip


@pytest.mark.parametrize(("ret", "action", "most", "kind"), RETURNED)
def test_ret_decides_what_is_returned(ret: Any, action: Action, most: int, kind: str) -> None:
    _, parsed = made([reported(action)], most=most, ret=ret)
    part: Any = parsed.get_payload(2)
    assert part.get_content_type() == kind
    if kind == "message/rfc822":
        assert part.get_payload(0).get_payload() == "hi\r\n"


def test_the_envelope_id_is_decoded() -> None:
    about, _ = groups(made(envid="QQ314159+3D1")[1])
    assert about["Original-Envelope-Id"] == "QQ314159=1"


def test_a_body_that_is_gone_is_not_returned() -> None:
    _, parsed = made(content=None)
    assert len(parsed.get_payload()) == 2


@pytest.mark.parametrize(
    ("content", "header"),
    [
        (b"\r\nbody", b""),
        (b"A: b", b"A: b"),
        (b"A: b\r\nC: d" + b"x" * 70_000, b"A: b\r\n"),
        (b"", b""),
    ],
)
def test_odd_headers(content: bytes, header: bytes) -> None:
    dsn, _ = made(content=content)
    assert b"Received: from client by relay; date\r\n" + header in dsn.content


def test_8_bit_mail_comes_back_as_it_was() -> None:
    content = b"Subject: gr\xfc\xdfe\r\n\r\nh\xe9\r\n"
    dsn, parsed = made(content=content, ret="FULL", body="8BITMIME")
    assert dsn.envelope.body == "8BITMIME"
    assert content in dsn.content
    assert parsed["Content-Transfer-Encoding"] == "8bit"
    dsn, parsed = made(content=content)
    assert dsn.envelope.body == "7BIT"
    part: Any = parsed.get_payload(2)
    assert b"Subject: gr\xfc\xdfe\r\n" in part.get_payload(decode=True)


def test_an_international_message_is_answered_in_utf_8() -> None:
    to = Recipient(
        parse_address("jörg@bücher.example"), orcpt="utf-8;j\\x{F6}rg@b\\x{FC}cher.example"
    )
    content = "Subject: grüße\r\n\r\nhi\r\n".encode()
    dsn, parsed = made(
        [reported(recipient=to, reply=Reply(550, "gibt’s nicht"))],
        content=content, smtputf8=True, sender=parse_address("älice@example.org"),
    )  # fmt: skip
    assert dsn.envelope.smtputf8
    assert dsn.envelope.body == "8BITMIME"
    parts: Any = parsed.get_payload()
    assert [each.get_content_type() for each in parts] == [
        "text/plain", "message/global-delivery-status", "message/global-headers",
    ]  # fmt: skip
    text = dsn.content.decode()
    assert "Final-Recipient: utf-8; jörg@bücher.example\r\n" in text
    assert "Original-Recipient: utf-8; jörg@bücher.example\r\n" in text
    assert "Diagnostic-Code: smtp; 550 gibt’s nicht\r\n" in text
    assert "To: <älice@example.org>\r\n" in text


def test_smtputf8_without_utf_8_gets_a_plain_report() -> None:
    """Some clients say SMTPUTF8 with all mail to a server that offers it."""
    dsn, parsed = made(smtputf8=True, ret="FULL", body="8BITMIME")
    assert (dsn.envelope.smtputf8, dsn.envelope.body) == (False, "7BIT")
    parts: Any = parsed.get_payload()
    assert [each.get_content_type() for each in parts] == [
        "text/plain", "message/delivery-status", "message/rfc822",
    ]  # fmt: skip
    _, parsed = made(smtputf8=True, content="Subject: x\r\n\r\nné\r\n".encode())
    parts = parsed.get_payload()
    assert parts[2].get_content_type() == "text/rfc822-headers"


@pytest.mark.parametrize(
    ("host", "told"),
    [("192.0.2.1", "[192.0.2.1]"), ("2001:db8::1", "[IPv6:2001:db8::1]"), ("mx.x", "mx.x")],
)
def test_a_server_without_a_name_is_named_by_its_address(host: str, told: str) -> None:
    _, parsed = made([reported(host=host)])
    assert groups(parsed)[1]["Remote-MTA"] == f"dns; {told}"


@pytest.mark.parametrize(
    ("reply", "action", "status"),
    [
        (NO_USER, "failed", Esc(5, 1, 1)),
        (Reply(550, "no"), "failed", Esc(5, 0, 0)),
        (Reply(450, "no", Esc(4, 2, 0)), "failed", Esc(4, 2, 0)),
        (Reply(450, "no"), "delayed", Esc(4, 0, 0)),
        (Reply(550, "no", Esc(4, 2, 0)), "failed", Esc(4, 2, 0)),
        (NO_USER, "delayed", Esc(4, 0, 0)),
        (Reply(250, "ok", Esc(2, 1, 5)), "relayed", Esc(2, 1, 5)),
        (Reply(250, "ok"), "relayed", Esc(2, 0, 0)),
    ],
)
def test_the_status(reply: Reply, action: Action, status: Esc) -> None:
    assert status_of(reply, action) == status


def test_the_boundary_is_unpredictable() -> None:
    """Who did could end the report in his message, or have us look for another one all day."""
    _, parsed = made(content=HEADER + b"\r\nhi\r\n", ret="FULL")
    known = parsed.get_boundary()
    content = HEADER + f"\r\n--{known}\r\n--{known}--\r\n".encode()
    _, parsed = made(content=content, ret="FULL")
    assert parsed.get_boundary() != known
    assert len(parsed.get_payload()) == 3


NASTY = st.text(st.characters(codec="utf-8") | st.sampled_from("\r\n\t\0:; -=")).map(
    lambda text: text + "\nAction: delivered\r\n\r\nX: y"
)
FIELDS = {
    "Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code",
    "Last-Attempt-Date",
}  # fmt: skip


@given(NASTY, NASTY, NASTY, st.booleans())
def test_no_text_becomes_a_field(text: str, reason: str, host: str, remote: bool) -> None:
    reply = Reply(550, text, Esc(5, 1, 1), reason)
    dsn, parsed = made([reported(reply=reply, is_remote=remote, host=host, why=reason)])
    about, bob = groups(parsed)
    assert set(bob) <= FIELDS
    assert bob["Action"] == "failed"
    assert len(about) == 2
    assert dsn.content.isascii()
    assert email.message_from_bytes(dsn.content, policy=SMTP).defects == []
