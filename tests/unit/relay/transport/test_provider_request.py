"""The requests with which messages are handed to each provider."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import pytest

from gatepost.config.http_provider_file import parse_provider, read_provider
from gatepost.errors import LocalProtocolError
from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.http_provider import RequestBody
from gatepost.model.route import HttpApiTarget
from gatepost.net.http_client import HttpRequest
from gatepost.relay.transport.provider_request import (
    capabilities_of,
    filled_in,
    request_for,
    sent_content,
)

CONTENT = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: hi\r\n\r\nHello\r\n"
LATIN = (
    b"From: a@example.com\r\nContent-Type: text/plain; charset=latin-1\r\n"
    b"Content-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n\r\ncaf\xe9\r\n"
)


def target(provider: str, **settings: str) -> HttpApiTarget:
    read = read_provider(provider)
    values = {name: each.default or "" for name, each in read.placeholders.items()} | settings
    return HttpApiTarget("t", read, "https://api.example/x", "c", tuple(values.items()))


def envelope(*people: str, sender: str = "a@example.com") -> Envelope:
    recipients = tuple([Recipient(parse_address(each)) for each in people])
    return Envelope(parse_address(sender) if sender else None, recipients)


def posted(made: HttpApiTarget, *people: str, content: bytes = CONTENT) -> HttpRequest:
    return request_for(made, envelope(*people), content, "key-1")


def form(request: HttpRequest) -> list[tuple[str, bytes]]:
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    whole: Any = message_from_bytes(head + request.body, policy=policy.HTTP)
    parts = []
    for each in whole.iter_parts():
        name = each.get_param("name", header="content-disposition")
        kind = each.get_content_type()
        content = each.get_payload(0).as_bytes() if kind == "message/rfc822" else each.get_payload()
        parts.append((name, content if isinstance(content, bytes) else content.encode()))
    return parts


@pytest.mark.parametrize(
    ("provider", "there"),
    [
        ("infobip", b'"callbackData":"4-7.0.1.aa"'),
        ("sparkpost", b'"metadata":{"gatepost":"4-7.0.1.aa"}'),
        ("mailgun", b'name="v:gatepost"\r\n\r\n4-7.0.1.aa\r\n'),
    ],
)
def test_a_mark_that_events_repeat(provider: str, there: bytes) -> None:
    """Without one, the members are left out."""
    made = request_for(target(provider), envelope("b@example.net"), CONTENT, "k", "4-7.0.1.aa")
    assert there in made.body
    plain = posted(target(provider), "b@example.net")
    assert not any(each in plain.body for each in (b"gatepost", b"callbackData", b"metadata"))


def test_ses_gets_base64_and_the_envelope() -> None:
    made = posted(target("ses", region="eu-west-1"), "b@example.net", "blind@example.org")
    assert json.loads(made.body) == {
        "Content": {"Raw": {"Data": base64.b64encode(CONTENT).decode()}},
        "Destination": {"ToAddresses": ["b@example.net", "blind@example.org"]},
        "FromEmailAddress": "a@example.com",
    }
    assert made.headers == {"content-type": "application/json"}
    assert b": " not in made.body


def test_the_body_of_the_signatures_vector_is_made_to_the_letter() -> None:
    content = b"Subject: x\r\n\r\nHello\r\n"
    assert posted(target("ses"), "b@example.net", content=content).body == (
        b'{"Content":{"Raw":{"Data":"U3ViamVjdDogeA0KDQpIZWxsbw0K"}},'
        b'"Destination":{"ToAddresses":["b@example.net"]},"FromEmailAddress":"a@example.com"}'
    )


def test_a_member_without_a_value_is_left_out() -> None:
    made = request_for(target("ses"), envelope("b@example.net", sender=""), CONTENT, "")
    assert {"FromEmailAddress", "ConfigurationSetName"}.isdisjoint(json.loads(made.body))
    made = posted(target("ses", configuration_set="events"), "b@example.net")
    assert json.loads(made.body)["ConfigurationSetName"] == "events"


def test_infobip_gets_base64_and_the_destinations() -> None:
    made = posted(target("infobip", account="x"), "b@example.net", "c@example.net")
    assert json.loads(made.body) == {
        "mimeMessage": base64.b64encode(CONTENT).decode(),
        "destinations": ["b@example.net", "c@example.net"],
    }


def test_sparkpost_gets_text_and_an_address_for_each_recipient() -> None:
    text = CONTENT + "é€😀".encode()
    made = posted(target("sparkpost"), "b@example.net", "c@example.net", content=text)
    assert json.loads(made.body) == {
        "recipients": [
            {"address": {"email": "b@example.net"}}, {"address": {"email": "c@example.net"}},
        ],
        "content": {"email_rfc822": text.decode()},
    }  # fmt: skip


def test_text_that_is_not_utf_8_is_encoded_for_sparkpost() -> None:
    made = posted(target("sparkpost"), "b@example.net", content=LATIN)
    sent = json.loads(made.body)["content"]["email_rfc822"]
    assert sent.isascii()
    parsed: Any = message_from_bytes(sent.encode(), policy=policy.SMTP)
    assert parsed.get_content() == "café\r\n"


def test_what_cannot_be_encoded_is_not_sent_to_sparkpost() -> None:
    content = b"MIME-Version: 1.0\r\nContent-Type: message/partial\r\n\r\n\xe9\r\n"
    with pytest.raises(LocalProtocolError, match="not UTF-8"):
        posted(target("sparkpost"), "b@example.net", content=content)


def test_mailgun_gets_a_form_with_a_file() -> None:
    made = posted(target("mailgun", domain="mg.example.com"), "b@example.net", "c@example.net")
    assert form(made) == [("to", b"b@example.net"), ("to", b"c@example.net"), ("message", CONTENT)]
    assert b"\r\n\r\n" + CONTENT + b"\r\n--" in made.body


@pytest.mark.parametrize("content", [b"\r\n--x\r\n", b"", bytes(range(256)), b"{sender}"])
def test_no_content_ends_the_form_early(content: bytes) -> None:
    made = posted(target("mailgun", domain="mg.example.com"), "b@example.net", content=content)
    boundary = made.headers["content-type"].rpartition("=")[2].encode()
    assert made.body.count(b"--" + boundary) == 3
    assert content in made.body


def test_what_replaces_a_placeholder_is_not_read_again() -> None:
    made = target("ses", region="{sender}", configuration_set="{message}")
    body = json.loads(posted(made, "{sender}@example.net", "{message}@example.net").body)
    assert body["Destination"]["ToAddresses"] == ["{sender}@example.net", "{message}@example.net"]
    assert body["ConfigurationSetName"] == "{message}"
    assert filled_in("{region}-{other}-{", made) == "{sender}-{other}-{"


@pytest.mark.parametrize("name", ["Idempotency-Key"])
def test_a_repeated_request_can_be_recognised_where_the_api_can(name: str) -> None:
    made = target("infobip")
    keyed = replace(made, provider=replace(made.provider, idempotency_header=name))
    assert posted(keyed, "b@example.net").headers[name] == "key-1"


@pytest.mark.parametrize(
    ("members", "sent"),
    [
        ({"to": "{recipients}", "m": "{message}", "n": 5, "f": False, "e": ""},
         {"to": ["b@example.net"], "m": "bQ==", "n": 5, "f": False, "e": ""}),
        ({"to": [{"a": ["<{recipient}>"]}], "m": "{message}", "l": ["x", {"y": "{sender}"}]},
         {"to": [{"a": ["<b@example.net>"]}], "m": "bQ==", "l": ["x", {"y": "a@example.com"}]}),
    ],
)  # fmt: skip
def test_members_of_other_forms(members: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
    made = target("infobip")
    body = RequestBody("json", members, "base64")
    made = replace(made, provider=replace(made.provider, body=body))
    assert json.loads(posted(made, "b@example.net", content=b"m").body) == sent


def test_blind_copies_are_not_named_in_the_header() -> None:
    content = (
        b"Bcc: x@example.org,\r\n y@example.org\r\nTo: b@example.net\r\nbcc : z\r\n\r\nBcc: z\r\n"
    )
    body = target("infobip", account="x").provider.body
    assert sent_content(content, body) == b"To: b@example.net\r\n\r\nBcc: z\r\n"
    assert sent_content(CONTENT, body) == CONTENT
    assert sent_content(b"no header", body) == b"no header"


def test_what_a_message_may_need() -> None:
    made = replace(target("ses"), message_size=31_457_280)
    assert capabilities_of(made).size == 31_457_280
    assert "8BITMIME" in capabilities_of(made)
    assert "8BITMIME" not in capabilities_of(target("infobip"))


def test_ses_counts_its_size_after_base64() -> None:
    limits = read_provider("ses").limits
    assert limits.message_size == 30 * 1024 * 1024
    assert len(base64.b64encode(bytes(limits.message_size))) == limits.size


def test_the_own_file_of_a_user() -> None:
    text = """
    [request]
    url = "https://{region}.api.example/send"
    sign_in = "key"
    header = "X-Token"
    idempotency_header = "Idempotency-Key"
    [placeholder.region]
    default = "eu"
    [body]
    kind = "json"
    message = "base64"
    members = { from = "{sender}", to = "{recipients}", raw = "{message}" }
    [success]
    status = [200, 202]
    id = "id"
    [reset]
    header = "X-RateLimit-Reset"
    unit = "epoch"
    """
    read = parse_provider(text, "dir/mine.toml")
    assert (read.name, read.sign_in.header) == ("mine", "x-token")
    assert read.reset is not None
    assert read.reset.name == "x-ratelimit-reset"


def test_text_is_encoded_before_it_is_signed() -> None:
    body = target("sparkpost").provider.body
    content = sent_content(LATIN, body)
    assert content.isascii()
    assert sent_content(content, body) == content
