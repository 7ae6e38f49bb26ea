"""Parts that we compose, read again by the standard library."""

from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mime.composed_parts import Entity, File, file_entity, multipart, text_entity

TEXT = st.text(st.characters(codec="utf-8"), max_size=2000)


def octets(entity: Entity) -> bytes:
    return entity.fields + b"\r\n" + b"".join(entity.pieces)


def read(entity: Entity) -> EmailMessage:
    """Return the part; it is 7-bit, and its lines are short and end in CRLF."""
    raw = octets(entity)
    assert raw.isascii()
    assert all(len(line) <= 998 and b"\n" not in line and b"\r" not in line
               for line in raw.split(b"\r\n"))  # fmt: skip
    message: Any = message_from_bytes(raw, policy=policy.default)
    assert message.defects == []
    assert isinstance(message, EmailMessage)
    return message


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def said(part: MIMEPart) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return lines(payload.decode())


@given(TEXT)
def test_any_text_comes_back(text: str) -> None:
    assert said(read(text_entity("plain", text))) == lines(text)


ENCODINGS = [
    ("hello", "7bit"),
    ("a\nb\n", "7bit"),
    ("trailing blank \nx", "7bit"),
    ("a" * 998, "7bit"),
    ("a" * 999, "quoted-printable"),
    ("grüße an alle, die dies lesen", "quoted-printable"),
    ("a\x0cb", "quoted-printable"),
    ("привет", "base64"),
    ("a\0b", "base64"),
]


@pytest.mark.parametrize(("text", "encoding"), ENCODINGS)
def test_a_text_has_the_encoding_that_suits_it(text: str, encoding: str) -> None:
    assert read(text_entity("html", text))["content-transfer-encoding"] == encoding


@given(st.binary(max_size=3000))
def test_any_file_comes_back(content: bytes) -> None:
    part = read(file_entity(File("a.bin", "application/zip", content)))
    assert part.get_content() == content


@given(st.lists(TEXT, min_size=2, max_size=4))
def test_parts_are_parted_where_they_end(texts: list[str]) -> None:
    """The line end before a boundary is the boundary's, not the text's."""
    whole = read(multipart("mixed", [text_entity("plain", each) for each in texts], "=_b"))
    assert [said(each) for each in whole.iter_parts()] == list(map(lines, texts))


def test_one_part_needs_no_others() -> None:
    part = text_entity("plain", "x")
    assert multipart("mixed", [part], "=_b") is part
