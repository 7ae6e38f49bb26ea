"""RFC 6152 3, RFC 2045: the conversion of 8-bit content, field by field."""

import email
from email.header import decode_header, make_header

import pytest

from gatepost.mime.ascii_header import ascii_header
from gatepost.mime.eight_bit import NotEncodable, SevenBit, is_seven_bit
from gatepost.model.body import BytesBody


def encoded(message: bytes) -> bytes:
    return b"".join(SevenBit(BytesBody(message)).chunks())


def test_a_text_becomes_quoted_printable() -> None:
    message = (
        "Subject: hi\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\nX-Other: x\r\n\r\nGrüße aus dem Norden = bye \r\n.\r\n"
    ).encode()
    assert encoded(message) == (
        b"Subject: hi\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\nX-Other: x\r\n\r\n"
        b"Gr=C3=BC=C3=9Fe aus dem Norden =3D bye=20\r\n=2E\r\n"
    )


def test_a_foreign_text_becomes_base64() -> None:
    message = (
        "Content-Type: text/plain; charset=utf-8\r\ncontent-transfer-encoding:\r\n 8bit\r\n\r\n"
        "Здравствуйте"
    ).encode()
    assert encoded(message) == (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"0JfQtNGA0LDQstGB0YLQstGD0LnRgtC1"
    )


def test_a_message_without_mime_becomes_one_with() -> None:
    assert encoded(b"Subject: hi\r\n\r\nh\xe9 there") == (
        b"Subject: hi\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nh=E9 there"
    )


MIXED = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=out\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\npre\xe9amble\r\n--out\r\n"
    b'Content-Type: multipart/signed; boundary="in \\"q\\""; micalg=sha256\r\n\r\n'
    b'--in "q"\r\nContent-Type: text/plain\r\n\r\nsigned = text \r\n--in "q"\r\n'
    b'Content-Type: application/pgp-signature\r\n\r\nabc\r\n--in "q"--\r\n\r\n--out\r\n'
    b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"\0\r\n\xff\r\n--out--\r\nepilogue"
)


def test_a_signed_part_that_is_7_bit_is_untouched() -> None:
    signed = MIXED[
        MIXED.index(b"Content-Type: multipart/signed") : MIXED.index(
            b"--out\r\nContent-Type: application/octet"
        )
    ]
    result = encoded(MIXED)
    assert signed in result
    assert b"--out\r\n" in result
    assert b"pre?amble" in result
    assert b"binary" not in result
    assert b"Content-Transfer-Encoding: 7bit\r\n\r\npre?" in result
    parts = email.message_from_bytes(result).get_payload()
    assert parts[1].get_payload(decode=True) == b"\0\r\n\xff"  # type: ignore[index,union-attr]


def test_a_message_in_a_message_is_not_hidden() -> None:
    message = (
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        b"Subject: inner\r\nContent-Type: text/plain; charset=latin-1\r\n\r\nh\xe9 there\r\n"
    )
    result = encoded(message)
    assert result.startswith(
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: inner"
    )
    assert b"Content-Transfer-Encoding: quoted-printable\r\n" in result
    assert result.endswith(b"h=E9 there\r\n")


BROKEN = [
    b"Content-Transfer-Encoding: x-uuencode\r\n\r\nh\xe9",
    b"Content-Type: message/partial\r\n\r\nh\xe9",
    b"From: <j\xc3\xb6rg@example.org>\r\n\r\nhi",
    b"To: j\xc3\xb6rg@example.org\r\n\r\nhi",
    b"a: b\r\n" * 200_000,
]


@pytest.mark.parametrize("message", BROKEN, ids=lambda message: message[:40].decode("latin-1"))
def test_messages_that_cannot_be_encoded(message: bytes) -> None:
    with pytest.raises(NotEncodable):
        encoded(message)


def test_8_bit_octets_in_encoded_content_do_not_change_it() -> None:
    head = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: "
    assert encoded(head + b"quoted-printable\r\n\r\na=3D\xe9") == (
        head + b"quoted-printable\r\n\r\na=3D=E9"
    )
    assert encoded(head + b"base64\r\n\r\naGk\xe9=") == head + b"base64\r\n\r\naGk="


HEADERS = [
    # as it came                                    as people read it
    ("Subject: Grüße aus Köln", "Subject", "Grüße aus Köln"),
    ("Subject: " + "ü" * 100, "Subject", "ü" * 100),
    ("From: Jörg Müller <j@example.org>", "From", "Jörg Müller <j@example.org>"),
    ('To: "Müller, Jörg" <j@example.org>, b@c', "To", "Müller, Jörg <j@example.org>, b@c"),
]


@pytest.mark.parametrize(("header", "name", "text"), HEADERS)
def test_words_are_encoded(header: str, name: str, text: str) -> None:
    result = ascii_header(header.encode() + b"\r\nX: y\r\n\r\n")
    assert result.isascii()
    parsed = email.message_from_bytes(result)
    assert str(make_header(decode_header(parsed[name]))) == text
    assert parsed["X"] == "y"
    assert all(len(word) <= 75 for word in result.split())


def test_file_names_are_encoded() -> None:
    header = 'Content-Disposition: attachment; filename="grüße 1.txt"; size=1\r\n\r\n'.encode()
    result = ascii_header(header)
    assert b"filename*=utf-8''gr%C3%BC%C3%9Fe%201.txt; size=1\r\n" in result
    assert email.message_from_bytes(result).get_filename() == "grüße 1.txt"


def test_octets_of_no_known_charset() -> None:
    assert ascii_header(b"Subject: gr\xfc\r\n\r\n") == b"Subject: =?unknown-8bit?b?Z3L8?=\r\n\r\n"


@pytest.mark.parametrize(
    ("content", "expected"), [(b"abc", True), (b"", True), (b"\x80", False), (b"\0", False)]
)
def test_7_bit_content_is_recognised(content: bytes, expected: bool) -> None:
    assert is_seven_bit(BytesBody(content)) == expected
