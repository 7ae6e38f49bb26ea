"""Fields that we compose, read again by the standard library."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatepost.mime.composed_fields import (
    is_field_text,
    mailbox_field,
    parameter,
    raw_field,
    text_field,
)
from gatepost.model.address import parse_address

# What may stand in a field, without what Python takes for blanks where mail does not.
TEXT = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")) | st.just(" "), max_size=200
).map(lambda text: " ".join(text.split(" ")).strip())
ADDRESSES = st.sampled_from(
    ["a@example.net", "first.last+tag@sub.example.org", '"a b"@example.com', "x@[192.0.2.1]"]
)


def read(field: bytes) -> EmailMessage:
    """Return a message of these fields; no line of them is too long."""
    lines = field.split(b"\r\n")
    assert lines[-1] == b""
    assert all(line.strip() and b"\n" not in line for line in lines[:-1])
    message: Any = message_from_bytes(field + b"\r\n", policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@given(TEXT)
def test_any_text_comes_back(text: str) -> None:
    field = text_field("Subject", text)
    assert max(map(len, field.split(b"\r\n"))) <= 998
    assert read(field)["subject"] == text


@given(st.lists(st.tuples(TEXT, ADDRESSES), min_size=1, max_size=8))
def test_any_mailboxes_come_back(mailboxes: list[tuple[str, str]]) -> None:
    field = mailbox_field("To", [(name, parse_address(each)) for name, each in mailboxes])
    found = read(field)["to"].addresses
    assert [each.addr_spec for each in found] == [each for _, each in mailboxes]
    # Python keeps the blanks between encoded words of a phrase, which RFC 2047 6.2 drops.
    names = [each.display_name.replace(" ", "") for each in found]
    assert names == [name.replace(" ", "") for name, _ in mailboxes]


@given(TEXT.filter(bool))
@example("=??B??=")
@example("=?utf-8?B?eA==?=")
@example('""')
def test_any_file_name_comes_back(name: str) -> None:
    field = f"Content-Disposition: attachment{parameter('filename', name)}\r\n".encode("ascii")
    assert max(map(len, field.split(b"\r\n"))) <= 78
    # Not by get_filename: it takes off quotes, and angle brackets, that are of the name.
    assert read(field)["content-disposition"].params["filename"] == name


FOLDED = [
    ("short", b"Subject: short\r\n"),
    ("", b"Subject:\r\n"),
    ("a" * 100, b"Subject: " + b"a" * 100 + b"\r\n"),
    ("a " * 40 + "b", b"Subject: " + b"a " * 34 + b"a\r\n a a a a a b\r\n"),
    ("two  blanks", b"Subject: two  blanks\r\n"),
    ("grüße", b"Subject: =?utf-8?B?Z3LDvMOfZQ==?=\r\n"),
    ("=?x", b"Subject: =?utf-8?B?PT94?=\r\n"),
]


@pytest.mark.parametrize(("text", "field"), FOLDED)
def test_a_text_is_folded_at_its_blanks(text: str, field: bytes) -> None:
    assert text_field("Subject", text) == field


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("", b"To: a@b.c\r\n"),
        ("Ann B", b"To: Ann B <a@b.c>\r\n"),
        ("B, Ann", b'To: "B, Ann" <a@b.c>\r\n'),
        ('a "b" \\', b'To: "a \\"b\\" \\\\" <a@b.c>\r\n'),
        ("Ö", b"To: =?utf-8?B?w5Y=?= <a@b.c>\r\n"),
    ],
)
def test_a_name_is_quoted_or_encoded_where_it_must(name: str, field: bytes) -> None:
    assert mailbox_field("To", [(name, parse_address("a@b.c"))]) == field


@given(
    TEXT.map(lambda text: "ü" * 30 + text), st.sampled_from(["To", "Subject", "Reply-To", "X" * 40])
)
def test_a_line_with_encoded_words_has_76_characters(text: str, name: str) -> None:
    """RFC 2047 2."""
    field = text_field(name, text) + mailbox_field(name, [(text, parse_address("a@b.c"))] * 2)
    lines = field.split(b"\r\n")
    assert max(len(line) for line in lines if b"=?" in line) <= 76


def test_mailboxes_are_folded_behind_their_commas() -> None:
    people = [("", parse_address(f"recipient{n}@example.net")) for n in range(50)]
    lines = mailbox_field("To", people).split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert all(line.endswith(b",") for line in lines[:-2])


@pytest.mark.parametrize(
    "bad", ["a\r\nBcc: b", "a\nb", "a\rb", "a\0b", "a\x7f", "a\x85b", "a\u2028b"]
)
def test_a_line_end_is_refused(bad: str) -> None:
    assert not is_field_text(bad)
    for make in (lambda: text_field("X", bad), lambda: raw_field("X", bad),
                 lambda: mailbox_field("X", [(bad, parse_address("a@b.c"))]),
                 lambda: parameter("x", bad)):  # fmt: skip
        with pytest.raises(ValueError, match="line end"):
            make()
