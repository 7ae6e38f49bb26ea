"""Messages for APIs without an envelope: their parts, and exactly the envelope's recipients."""

import base64
import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.profile import ApiRules
from gatepost.relay.transport.acs_document import acs_requests
from gatepost.relay.transport.graph import addressed
from gatepost.rest.email.message import compose, read_message, read_sender
from gatepost.rest.email.request_document import read_email

ANN, BOB, EVE = "ann@example.net", "bob@example.net", "eve@example.org"


def envelope(*recipients: str, sender: str = "alerts@example.com") -> Envelope:
    to = tuple([Recipient(parse_address(each)) for each in recipients])
    return Envelope(parse_address(sender) if sender else None, to)


def message(**fields: str) -> EmailMessage:
    made = EmailMessage()
    named = {"From": "Alerts <alerts@example.com>", "Subject": "Hi", **fields}
    for name, value in named.items():
        if value:
            made[name.replace("_", "-")] = value
    made.set_content("plain text\n")
    return made


def octets(made: EmailMessage) -> bytes:
    return made.as_bytes(policy=policy.SMTP)


def document(content: bytes, *recipients: str, **options: str) -> dict[str, Any]:
    [request] = acs_requests(envelope(*recipients, **options), content)
    # The service itself has to take what we make.
    email = read_email(request.body)
    read_message(email, read_sender(email), ApiRules())
    read: dict[str, Any] = json.loads(request.body)
    return read


def test_the_texts_and_the_fields() -> None:
    made = message(
        To=f"Ann Ünlü <{ANN}>", Cc=BOB, Reply_To="Desk <desk@example.com>",
        Message_ID="<1@example.com>", In_Reply_To="<0@example.com>", X_Trace="a b",
        Date="Tue, 24 Nov 2026 10:00:00 +0000",
    )  # fmt: skip
    made.add_alternative("<p>html</p>\n", subtype="html")
    assert document(b"Received: from x\r\n by y\r\n" + octets(made), ANN, BOB) == {
        "senderAddress": "alerts@example.com",
        "content": {"subject": "Hi", "plainText": "plain text\n", "html": "<p>html</p>\n"},
        "recipients": {
            "to": [{"address": ANN, "displayName": "Ann Ünlü"}],
            "cc": [{"address": BOB}],
        },
        "replyTo": [{"address": "desk@example.com", "displayName": "Desk"}],
        "headers": {
            "Message-ID": "<1@example.com>",
            "In-Reply-To": "<0@example.com>",
            "X-Trace": "a b",
        },
    }


def test_files_and_images() -> None:
    made = message(To=ANN)
    made.add_alternative('<img src="cid:logo@x">', subtype="html")
    part = made.get_payload(1)
    assert isinstance(part, EmailMessage)
    part.add_related(b"\x89PNG", "image", "png", cid="<logo@x>", filename="logo.png")
    made.add_attachment(b"%PDF-1.7", "application", "pdf", filename="Rechnung März.pdf")
    made.add_attachment(b"a,b\r\n", "text", "csv")
    logo, invoice, table = document(octets(made), ANN)["attachments"]
    assert logo == {
        "name": "logo.png", "contentType": "image/png", "contentId": "logo@x",
        "contentInBase64": base64.b64encode(b"\x89PNG").decode(),
    }  # fmt: skip
    assert (invoice["name"], invoice["contentType"]) == ("Rechnung März.pdf", "application/pdf")
    assert base64.b64decode(invoice["contentInBase64"]) == b"%PDF-1.7"
    assert table["name"].startswith("attachment-3")


@pytest.mark.parametrize(
    ("to", "cc", "served", "expected"),
    [
        (f"{ANN}, {BOB}", "", [ANN, BOB], {"to": [ANN, BOB]}),
        (ANN, "", [ANN, BOB, EVE], {"to": [ANN], "bcc": [BOB, EVE]}),
        (f"{ANN}, {BOB}", EVE, [BOB], {"to": [BOB]}),  # others have deliveries of their own
        (ANN, f"{BOB}, {EVE}", [BOB, EVE], {"to": [BOB, EVE]}),  # somebody must be in To
        (ANN.upper(), "", [ANN], {"to": [ANN]}),
        ("undisclosed-recipients:;", "", [ANN], {"to": [ANN]}),
    ],
)
def test_recipients(to: str, cc: str, served: list[str], expected: dict[str, list[str]]) -> None:
    named = document(octets(message(To=to, Cc=cc)), *served)["recipients"]
    assert {name: [each["address"] for each in people] for name, people in named.items()} == (
        expected
    )


def test_blind_copies_do_not_see_each_other() -> None:
    content = octets(message(To="staff@example.com"))
    made = acs_requests(envelope(ANN, BOB), content)
    assert [json.loads(each.body)["recipients"] for each in made] == [
        {"to": [{"address": ANN}]}, {"to": [{"address": BOB}]},
    ]  # fmt: skip
    assert made[0].name != made[1].name


@pytest.mark.parametrize("content", [b"", b"\r\n", b"From: a@b.example\r\n\r\n"])
def test_an_empty_message_has_a_text(content: bytes) -> None:
    assert document(content, ANN)["content"]["plainText"] == " "


def test_a_null_sender_is_named_by_from() -> None:
    content = octets(message(To=ANN, Auto_Submitted="auto-replied"))
    sent = document(content, ANN, sender="")
    assert sent["senderAddress"] == "alerts@example.com"
    assert sent["headers"]["Auto-Submitted"] == "auto-replied"
    with pytest.raises(ValueError, match="names a sender"):
        acs_requests(envelope(ANN, sender=""), b"To: ann@example.net\r\n\r\n")


def test_fields_of_the_service_are_left_out() -> None:
    content = (
        b"DKIM-Signature: v=1\r\nResent-To: x@y.example\r\nBcc: eve@example.org\r\n"
        b"X-One: first\r\nx-one: second\r\nBad Name: x\r\n"
    ) + octets(message(To=ANN))
    assert document(content, ANN).get("headers") == {"X-One": "first"}


@given(st.binary(max_size=400))
def test_any_octets_make_a_document_or_are_refused(content: bytes) -> None:
    for request in acs_requests(envelope(ANN, BOB), content):
        named = json.loads(request.body)["recipients"]
        found = {each["address"] for people in named.values() for each in people}
        assert found == {str(each) for each in request.addresses} <= {ANN, BOB}


SUBJECTS = st.text(max_size=60).filter(lambda text: "=?" not in text)  # this begins encoded words


@given(SUBJECTS, st.text(max_size=60), st.binary(max_size=60))
def test_a_message_survives_conversion_and_reading(subject: str, text: str, file: bytes) -> None:
    subject = " ".join("".join(c for c in subject if c.isprintable()).split())
    made = message(To=ANN, Subject=subject)
    made.set_content(text)
    made.add_attachment(file, "application", "pdf", filename="a.pdf")
    sent = document(octets(made), ANN)
    [attached] = sent["attachments"]
    assert base64.b64decode(attached["contentInBase64"]) == file
    assert sent["content"]["subject"].split() == subject.split()


# Graph takes the message itself.


def named(content: bytes, field: str) -> list[str]:
    parsed = message_from_bytes(content, policy=policy.default)
    return [each.addr_spec for value in parsed.get_all(field, []) for each in value.addresses]


@pytest.mark.parametrize(
    ("to", "cc", "served", "expected"),
    [
        (f"Ann <{ANN}>", BOB, [ANN, BOB], ([ANN], [BOB], [])),
        (ANN, "", [ANN, EVE], ([ANN], [], [EVE])),
        (f"{ANN}, {BOB}", EVE, [BOB], ([BOB], [], [])),
        ("", "", [ANN, BOB], ([], [], [ANN, BOB])),
        (f"{ANN}, {BOB}", "", [EVE], ([], [], [EVE])),
    ],
)
def test_the_header_names_exactly_the_envelope_s_recipients(
    to: str, cc: str, served: list[str], expected: tuple[list[str], ...]
) -> None:
    content = octets(message(To=to, Cc=cc))
    sent = addressed(envelope(*served), content)
    assert tuple(named(sent, field) for field in ("to", "cc", "bcc")) == expected
    assert sent.partition(b"\r\n\r\n")[2] == content.partition(b"\r\n\r\n")[2]


def test_a_message_that_fits_stays_as_it_is() -> None:
    content = octets(message(To=f"Ann\r\n <{ANN}>".replace("\r\n", ""), Cc=BOB))
    assert addressed(envelope(ANN, BOB), content) == content


def test_a_bcc_field_is_ignored() -> None:
    content = b"Bcc: secret@example.org,\r\n other@example.org\r\n" + octets(message(To=ANN))
    assert named(addressed(envelope(ANN), content), "bcc") == []
    assert named(addressed(envelope(ANN, EVE), content), "bcc") == [EVE]


def test_addresses_beyond_ascii_are_written_as_rfc_6532_has_them() -> None:
    content = "To: Grün <grün@example.net>, ann@example.net\r\n\r\nx".encode()
    assert addressed(envelope("grün@example.net", ANN), content) == content
    assert (
        addressed(envelope("grün@example.net", EVE), content)
        == (f"To: =?utf-8?B?R3LDvG4=?= <grün@example.net>\r\nBcc: {EVE}\r\n\r\nx").encode()
    )
    hidden = addressed(envelope("grün@example.net"), b"Subject: x\r\n\r\nx")
    assert hidden == "Bcc: grün@example.net\r\nSubject: x\r\n\r\nx".encode()


def test_a_message_without_a_text() -> None:
    assert addressed(envelope(ANN), b"Subject: x\r\n") == b"Bcc: ann@example.net\r\nSubject: x\r\n"


def test_messages_of_the_emulator_are_converted_back() -> None:
    """Our own service, given our document, makes a message that says the same."""
    from datetime import UTC, datetime

    from gatepost.rest.email.message import MessageStamp

    made = message(To=ANN, Subject="Grüße")
    made.add_attachment(b"%PDF", "application", "pdf", filename="März.pdf")
    [request] = acs_requests(envelope(ANN), octets(made))
    email = read_email(request.body)
    letter = read_message(email, read_sender(email), ApiRules())
    composed = compose(letter, MessageStamp("1", datetime(2026, 11, 24, tzinfo=UTC), boundary="b"))
    parsed = message_from_bytes(composed, policy=policy.default)
    body = parsed.get_body()
    assert parsed["subject"] == "Grüße"
    assert body is not None
    assert body.get_content().strip() == "plain text"
    assert [each.get_filename() for each in parsed.iter_attachments()] == ["März.pdf"]
