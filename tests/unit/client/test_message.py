"""The preparation of a message for sending."""

import re
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import compat32, default

import pytest

from gatepost.client.message import prepare, with_envelope
from gatepost.errors import LocalProtocolError
from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope, Recipient

RAW = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.net\r\n"
    b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\nSubject: hi\r\n\r\n.dot\r\nText\r\n"
)


def people(envelope: Envelope) -> list[str]:
    return [str(one.address) for one in envelope.recipients]


def test_a_complete_message_is_not_touched() -> None:
    letter = prepare(RAW)
    assert letter.body.content == RAW
    assert letter.message_id == "<1@example.com>"
    assert str(letter.envelope.sender) == "ann@example.com"
    assert people(letter.envelope) == ["bob@example.net"]
    assert (letter.envelope.body, letter.envelope.smtputf8) == ("7BIT", False)


def test_date_and_message_id_are_added_on_top() -> None:
    letter = prepare(b"From: a@example.com\r\nTo: b@example.net\r\n\r\nhi")
    lines = letter.body.content.split(b"\r\n")
    assert re.fullmatch(rb"Date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000", lines[0])
    assert lines[1] == f"Message-ID: {letter.message_id}".encode()
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", letter.message_id)
    assert lines[2:] == [b"From: a@example.com", b"To: b@example.net", b"", b"hi", b""]


def test_bcc_is_read_and_removed() -> None:
    raw = (
        b"From: a@example.com\r\nBCC: c@example.net,\r\n\td@example.net\r\nSubject: x\r\n"
        b"bcc : e@example.net\r\nTo: b@example.net\r\n\r\nBcc: stays in the text\r\n"
    )
    letter = prepare(raw)
    assert people(letter.envelope) == [f"{name}@example.net" for name in "bcde"]
    header, text = letter.body.content.split(b"\r\n\r\n")
    assert not [line for line in header.lower().splitlines() if line.startswith(b"bcc")]
    assert b"c@example.net" not in header
    assert b"Subject: x\r\nTo:" in header
    assert text == b"Bcc: stays in the text\r\n"


def test_an_envelope_is_taken_as_it_is() -> None:
    given = Envelope(None, (Recipient(parse_address("z@example.org")),))
    letter = prepare(RAW, given)
    assert letter.envelope == given


def test_groups_names_and_doubles() -> None:
    raw = (
        b'From: "Ann, A." <ann@example.com>\r\nSender: sec@example.com\r\n'
        b"To: Team: b@example.net, c@EXAMPLE.net;\r\nCc: c@example.net, =?utf-8?q?D=C3=B6?= "
        b"<d@example.net>\r\n\r\n\r\n"
    )
    letter = prepare(raw)
    assert str(letter.envelope.sender) == "sec@example.com"
    assert people(letter.envelope) == ["b@example.net", "c@example.net", "d@example.net"]


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
def test_line_ends_become_crlf(newline: bytes) -> None:
    assert prepare(RAW.replace(b"\r\n", newline)).body.content == RAW


def test_text_is_sent_as_utf8() -> None:
    letter = prepare(RAW.decode() + "Grüße")
    assert letter.body.content.endswith("Grüße\r\n".encode())
    assert (letter.envelope.body, letter.envelope.smtputf8) == ("8BITMIME", False)


def test_a_header_in_utf8_needs_smtputf8() -> None:
    letter = prepare(RAW.decode().replace("Ann", "Änn"))
    assert (letter.envelope.body, letter.envelope.smtputf8) == ("8BITMIME", True)


def make_message(sender: str = "Änn <ann@example.com>") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Bcc"] = sender, "bob@example.net", "c@example.net"
    message["Subject"] = "Grüße"
    message.set_content("Grüße\nfrom here\n")
    return message


def test_a_message_object_reaches_every_server_and_stays_the_users() -> None:
    message = make_message()
    before = message.as_bytes()
    letter = prepare(message)
    assert letter.body.content.isascii()
    assert (letter.envelope.body, letter.envelope.smtputf8) == ("7BIT", False)
    assert message.as_bytes() == before
    assert people(letter.envelope) == ["bob@example.net", "c@example.net"]


def test_an_address_in_utf8() -> None:
    letter = prepare(make_message("änn@example.com"))
    assert str(letter.envelope.sender) == "änn@example.com"
    assert letter.envelope.smtputf8


def test_an_old_message_object() -> None:
    message = BytesParser(policy=compat32).parsebytes(RAW)
    assert prepare(message).body.content == RAW


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"To: b@example.net\r\n\r\nx\r\n", "no sender"),
        (b"From: a@example.com\r\n\r\nx\r\n", "no recipient"),
        (b"From: a@example.com\r\nTo: undisclosed-recipients:;\r\n\r\n", "no recipient"),
        (b"From: a@example.com\r\nTo: b@example.net\r\n\r\n\0", "NUL"),
        (b"\r\nno header at all\r\n", "no sender"),
        (b"From: a@example.com\r\nTo: bob\r\n\r\nx\r\n", "To: not a mailbox"),
    ],
)
def test_messages_that_cannot_be_sent(raw: bytes, what: str) -> None:
    with pytest.raises(LocalProtocolError, match=what):
        prepare(raw)


@pytest.mark.parametrize(
    "field",
    [
        b'To: "b@example.net> SIZE=1\\""@example.net',
        b'To: "evil\\\r\n RCPT TO:<x@example.net>"@example.net',
        b"To: =?utf-8?q?=3Cb=40example=2Enet=3E=0D=0ADATA?= <b@example.net>",
    ],
)
def test_an_address_is_never_more_than_an_address(field: bytes) -> None:
    raw = b"From: a@example.com\r\n" + field + b"\r\n\r\nx\r\n"
    try:
        recipients = people(prepare(raw).envelope)
    except LocalProtocolError:
        return
    assert [parse_address(one) for one in recipients]
    assert not any(sign in "".join(recipients) for sign in "\r\n\0")


def test_an_address_that_falls_over_the_parser_of_python_is_none() -> None:
    message = BytesParser(policy=default).parsebytes(b"From: a@example.com\nTo: b c@\n\nx\n")
    with pytest.raises(LocalProtocolError):
        prepare(message)


def test_the_envelope_of_a_command_line() -> None:
    letter = with_envelope(RAW, None, ["x@example.org"])
    assert (str(letter.envelope.sender), people(letter.envelope)) == (
        "ann@example.com",
        ["x@example.org"],
    )
    assert str(with_envelope(RAW, "y@example.org", ["x@example.org"]).envelope.sender) == (
        "y@example.org"
    )
    with pytest.raises(LocalProtocolError, match="not a mailbox"):
        with_envelope(RAW, None, ["x"])


def test_a_domain_in_utf8_is_spelled_in_ascii_so_that_every_server_takes_it() -> None:
    message = make_message("Ännchen <ann@müller.example>")
    del message["To"]
    message["To"] = "Team: b@fußball.example, Cid <c@example.net>;, d@example.net"
    before = message.as_bytes()
    letter = prepare(message)
    assert (letter.envelope.body, letter.envelope.smtputf8) == ("7BIT", False)
    assert str(letter.envelope.sender) == "ann@xn--mller-kva.example"
    assert [str(each.address) for each in letter.envelope.recipients] == [
        "b@xn--fuball-cta.example", "c@example.net", "d@example.net",
    ]  # fmt: skip
    parsed = BytesParser(policy=default).parsebytes(letter.body.content)
    assert parsed["From"] == "Ännchen <ann@xn--mller-kva.example>"
    assert parsed["To"] == ("Team: b@xn--fuball-cta.example, Cid <c@example.net>;, d@example.net")
    assert message.as_bytes() == before, "the caller's message is its own"


def test_an_impossible_domain() -> None:
    with pytest.raises(LocalProtocolError, match="not a label"):
        prepare(make_message("ann@☃.example"))
