"""The signature scheme, compared with values from the SDK."""

import base64
import hmac
from datetime import UTC, datetime

import pytest

from gatepost.rest.email.signatures import decode_key, read_signature, signer_of, string_to_sign

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
BODY = (
    b'{"senderAddress": "DoNotReply@example.azurecomm.net", "content": {"subject": "hi", '
    b'"plainText": "body"}, "recipients": {"to": [{"address": "to@example.com"}]}}'
)
POST = (
    "POST",
    "/emails:send?api-version=2025-09-01",
    "3yYedEtBgc7l0sH31WPWnOVx8glW/A6Z131Jfa6h5Dc=",
    "R71kaHBPMnHtjYfRBRIVp4niHJVnsi9uKjoj2AyjQqQ=",
)
GET = (
    "GET",
    "/emails/operations/8540c0de-899f-5cce-acb5-3ec493af3800?api-version=2025-09-01",
    EMPTY,
    "csq6OjYhEamc6ktYqv0LU/FfxP8boDODFwaEOQfPU4k=",
)


def headers(content_hash: str, signature: str, date: str = "x-ms-date") -> dict[str, str]:
    return {
        "host": "localhost:8443",
        date: "Mon, 01 Jan 2024 00:00:00 GMT",
        "x-ms-content-sha256": content_hash,
        "authorization": (
            f"HMAC-SHA256 SignedHeaders={date};host;x-ms-content-sha256&Signature={signature}"
        ),
    }


@pytest.mark.parametrize(("method", "target", "content_hash", "signature"), [POST, GET])
def test_signatures_of_the_sdk(method: str, target: str, content_hash: str, signature: str) -> None:
    signed = read_signature(method, target, headers(content_hash, signature))
    assert signed.is_by(decode_key(KEY))
    assert signed.date == datetime(2024, 1, 1, tzinfo=UTC)
    assert signed.content_hash == base64.b64decode(content_hash)


def test_the_hash_is_the_bodys() -> None:
    import hashlib

    assert base64.b64encode(hashlib.sha256(BODY).digest()).decode() == POST[2]


def test_the_date_may_have_its_plain_name() -> None:
    """Some clients sign ``date``: the header that is listed counts."""
    signed = read_signature(*GET[:2], headers(*GET[2:], date="date"))
    assert signed.is_by(decode_key(KEY))


@pytest.mark.parametrize(
    ("signed_host", "sent_host", "is_right"),
    [
        ("relay.example", "relay.example:8443", True),  # Java, PHP
        ("relay.example:8443", "relay.example:8443", True),
        ("relay.example", "relay.example", True),
        ("[::1]", "[::1]:8443", True),
        ("relay.example:8443", "relay.example", False),
        ("relay.example:8443", "relay.example:8444", False),
        ("other.example", "relay.example:8443", False),
    ],
)
def test_the_port_need_not_be_signed(signed_host: str, sent_host: str, is_right: bool) -> None:
    sent = headers(*GET[2:]) | {"host": sent_host}
    text = string_to_sign(*GET[:2], [sent["x-ms-date"], signed_host, EMPTY])
    made = base64.b64encode(hmac.digest(decode_key(KEY), text.encode(), "sha256")).decode()
    sent["authorization"] = sent["authorization"].replace(GET[3], made)
    assert read_signature(*GET[:2], sent).is_by(decode_key(KEY)) == is_right


@pytest.mark.parametrize("place", range(len(GET[1])))
def test_another_target_has_another_signature(place: int) -> None:
    target = GET[1][:place] + "~" + GET[1][place + 1 :]
    assert not read_signature("GET", target, headers(*GET[2:])).is_by(decode_key(KEY))


def test_the_order_of_the_signed_headers_counts() -> None:
    assert string_to_sign("get", "/", ["a", "b"]) == "GET\n/\na;b"


def test_the_key_that_signed_is_found() -> None:
    signed = read_signature(*GET[:2], headers(*GET[2:]))
    assert signer_of(signed, [b"", b"x" * 64, decode_key(KEY)]) == 2
    assert signer_of(signed, [b"x" * 64]) is None


@pytest.mark.parametrize("text", ["", "?", "AAE", "ä"])
def test_a_key_that_is_none_signs_nothing(text: str) -> None:
    signed = read_signature(*GET[:2], headers(*GET[2:]))
    assert signer_of(signed, [decode_key(text)]) is None


MALFORMED = [
    {"authorization": ""},
    {"authorization": "HMAC-SHA256"},
    {"authorization": "HMAC-SHA256 SignedHeaders=host&Signature=YQ=="},
    {"authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;x-ms-content-sha256&Signature=YQ=="},
    {"authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host&Signature=YQ=="},
    {"authorization": "HMAC-SHA256 SignedHeaders=date;host;x-ms-content-sha256&Signature=YQ=="},
    {"authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=Y"},
    {"x-ms-date": ""},
    {"x-ms-date": "2024-01-01"},
    {"x-ms-date": "Mon, 99 Jan 2024 00:00:00 GMT"},
    {"x-ms-date": f"Mon, {10**20} Jan 2024 00:00:00 GMT"},
    {"x-ms-date": "Mon, 01 Jan 2024 00:00:00 -99999999999999"},
    {"x-ms-content-sha256": "?"},
]


@pytest.mark.parametrize("change", MALFORMED)
def test_a_signature_that_is_none(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^signature_malformed: "):
        read_signature(*GET[:2], headers(*GET[2:]) | change)
