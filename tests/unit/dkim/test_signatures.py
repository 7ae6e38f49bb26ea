"""The signature field: which fields it covers, how it is written, and for whom."""

import base64
import re
from collections.abc import Iterator
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatepost.dkim.canonical_form import BodyHash, Form
from gatepost.dkim.signatures import (
    MOST_FIELDS,
    NotSignable,
    Signing,
    author_domain,
    is_aligned,
    sign,
    signed_names,
)
from gatepost.dkim.signing_keys import SigningKey
from gatepost.mime.rewritten_author import split_header
from tests.rsa_keys import rsa_key

EMPTY: Final = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
EMPTY_LINE: Final = "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="
HEADER: Final = b"From: Ann <ann@contoso.example>\r\nSubject: Hi\r\nDate: now\r\n"


def ed25519_key(domain: str = "contoso.example", selector: str = "one") -> SigningKey:
    return SigningKey(domain, selector, Ed25519PrivateKey.from_private_bytes(bytes(32)))


def hashed(form: Form, *chunks: bytes) -> str:
    body = BodyHash(form)
    for each in chunks:
        body.add(each)
    return base64.b64encode(body.digest()).decode()


def names_of(header: bytes) -> tuple[bytes, ...]:
    return signed_names(list(split_header(header)))


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n"])
def test_an_empty_body_is_one_empty_line_or_nothing(body: bytes) -> None:
    """RFC 6376 3.4.3, 3.4.4: both hashes are printed there."""
    assert hashed("simple", body) == EMPTY_LINE
    assert hashed("relaxed", body) == EMPTY


def test_blanks_and_empty_lines_at_the_end_do_not_count_if_relaxed() -> None:
    """The example of RFC 6376 3.4.5."""
    assert hashed("relaxed", b" C \r\nD \t E\r\n\r\n\r\n") == hashed("simple", b" C\r\nD E\r\n")


@pytest.mark.parametrize("form", ["simple", "relaxed"])
def test_it_does_not_matter_where_chunks_end(form: Form) -> None:
    body = b"a \t\r\n\r\n \r\nb\r\rc\n\r\n  \t d \r\n\t\r\n\r\n"
    octets = [body[each : each + 1] for each in range(len(body))]
    assert hashed(form, body) == hashed(form, *octets)


def test_a_field_that_readers_see_cannot_be_added() -> None:
    names = names_of(HEADER)
    assert names.count(b"from") == 2
    assert names.count(b"to") == 1  # there is none
    assert names.count(b"date") == 2
    assert b"message-id" not in names  # a server may add it


def test_fields_of_lists_are_signed_as_they_are() -> None:
    assert names_of(HEADER + b"List-Unsubscribe-Post: x\r\n").count(b"list-unsubscribe-post") == 1


def test_a_header_with_very_many_fields_is_not_signed() -> None:
    with pytest.raises(NotSignable):
        names_of(HEADER + b"To: bob@example.net\r\n" * MOST_FIELDS)


def test_each_key_has_a_field_with_short_lines() -> None:
    keys = ed25519_key(), SigningKey("contoso.example", "two", rsa_key("dkim"))
    signings = [Signing(keys[0]), Signing(keys[1], "simple", "simple")]
    fields = sign(list(split_header(HEADER)), iter([b"Hi.\r\n"]), signings, 1_700_000_000, 3600)
    assert max(map(len, fields.split(b"\r\n"))) <= 78
    assert fields.count(b"DKIM-Signature: v=1; ") == 2
    assert b"a=ed25519-sha256; c=relaxed/relaxed;" in fields
    assert b"a=rsa-sha256; c=simple/simple;" in fields
    assert fields.count(b" t=1700000000; x=1700003600;\r\n") == 2
    assert re.findall(rb" s=(\w+);", fields) == [b"one", b"two"]


def test_the_body_is_read_once_for_all_signatures() -> None:
    reads: list[int] = []

    def body() -> Iterator[bytes]:
        for number in range(3):
            reads.append(number)
            yield b"line\r\n"

    key = ed25519_key()
    sign(
        list(split_header(HEADER)),
        body(),
        [Signing(key), Signing(key, body="simple"), Signing(key)],
        1,
    )
    assert reads == [0, 1, 2]


@pytest.mark.parametrize(
    ("header", "domain"),
    [
        (b"From: ann@Contoso.Example\r\n", "contoso.example"),
        (b"From: Ann <ann@b\xc3\xbccher.example>\r\n", "xn--bcher-kva.example"),
        (b"From: a@contoso.example, b@contoso.example\r\n", "contoso.example"),
    ],
)
def test_the_domain_of_the_author(header: bytes, domain: str) -> None:
    assert author_domain(header, list(split_header(header))) == domain


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: Hi\r\n",
        b"\r\nFrom: ann@contoso.example\r\n",
        b"Sender: ann@contoso.example\r\n",
        b"From: ann@contoso.example\r\nFrom: ann@contoso.example\r\n",
        b"From: ann@contoso.example, eve@stranger.example\r\n",
        b"From: nobody\r\n",
        b"From: ann@contoso.example\r\nX\x0bFrom: eve@stranger.example\r\n",
    ],
)
def test_nobody_signs_for_doubtful_authors(header: bytes) -> None:
    with pytest.raises(NotSignable):
        author_domain(header, list(split_header(header)))


def test_a_domain_signs_for_those_below_it() -> None:
    assert is_aligned("contoso.example", "contoso.example")
    assert is_aligned("contoso.example", "mail.contoso.example")
    assert not is_aligned("contoso.example", "notcontoso.example")
    assert not is_aligned("mail.contoso.example", "contoso.example")
