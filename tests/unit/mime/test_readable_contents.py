"""The readable parts of a message, however broken it is."""

from encodings.aliases import aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mime.charsets import decode_text
from gatepost.mime.part_tree import DEEPEST, MOST_LINES, MOST_PARTS
from gatepost.mime.readable_contents import Attachment, Contents, read_contents

ALTERNATIVE = b"""\
Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r
Received: one\r
Received: two\r
\tfolded\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=outer\r
\r
--outer\r
Content-Type: multipart/alternative; boundary=inner\r
\r
--inner\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
gr=FC=DFe\r
second line\r
--inner\r
Content-Type: text/html\r
\r
<p>hi</p>\r
--inner--\r
--outer\r
Content-Type: image/png\r
Content-Transfer-Encoding: base64\r
Content-ID: <pic@example.org>\r
Content-Disposition: attachment; filename*=utf-8''b%C3%BCro.png\r
\r
AAAA\r
--outer\r
Content-Type: text/plain\r
Content-Disposition: attachment; filename=notes.txt\r
\r
abc\r
--outer\r
Content-Type: message/rfc822\r
\r
Subject: inner\r
\r
x\r
--outer--\r
"""


def test_texts_and_attachments_are_distinguished() -> None:
    contents = read_contents(ALTERNATIVE)
    assert contents.text == "grüße\nsecond line"
    assert contents.html == "<p>hi</p>"
    assert contents.attachments[:2] == (
        Attachment("büro.png", "image/png", "pic@example.org", 3),
        Attachment("notes.txt", "text/plain", "", 3),
    )
    assert [each.content_type for each in contents.attachments[2:]] == ["message/rfc822"]


def test_fields_are_decoded_and_keep_their_order() -> None:
    assert read_contents(ALTERNATIVE).fields[:3] == (
        ("Subject", "grüße"),
        ("Received", "one"),
        ("Received", "two\tfolded"),
    )


BROKEN = [
    (b"", Contents(text="")),
    (b"no header at all", Contents(text="no header at all")),
    (b"Subject: x", Contents(fields=(("Subject", "x"),), text="")),
    (
        b"Content-Type: text/plain; charset=nonsense\r\n\r\nabc",
        Contents(fields=(("Content-Type", "text/plain; charset=nonsense"),), text="abc"),
    ),
    (b"\r\n\xff\xfe", Contents(text="��")),
]


@pytest.mark.parametrize(("content", "expected"), BROKEN)
def test_broken_input_is_read_as_far_as_it_goes(content: bytes, expected: Contents) -> None:
    assert read_contents(content) == expected


def test_parts_a_thousand_deep_are_shown_as_they_are() -> None:
    part = b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n"
    content = b"".join(part % (depth, depth) for depth in range(1500)) + b"\r\ndeep"
    contents = read_contents(content)
    assert "deep" in (contents.text or "") + repr(contents.fields)


@pytest.mark.parametrize("charset", [b"punycode", b"idna", b"Unicode_Escape"])
def test_codecs_that_are_no_charsets_are_ignored(charset: bytes) -> None:
    """A text of some megabytes in Punycode takes Python hours."""
    content = b"Subject: =?%b?q?abc-9?=\r\nContent-Type: text/plain; charset=%b\r\n\r\n\\u0041bc-9"
    contents = read_contents(content % (charset, charset))
    assert contents.text == "\\u0041bc-9"
    assert contents.fields[0] == ("Subject", f"=?{charset.decode()}?q?abc-9?=")


def test_no_text_has_lone_surrogates() -> None:
    """Whoever encodes such a text later fails."""
    samples = (b"+2AA-", b"\xed\xa0\x80", b"\xd8\x00", b"\x00\xd8", b"\xff" * 4, bytes(range(256)))
    for charset in {*aliases.values(), "utf-7"}:
        for each in samples:
            decode_text(each, charset).encode()


def test_parts_deep_in_parts_are_not_looked_for() -> None:
    """Python holds every line against each multipart around it."""
    part = b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n"
    for depth, is_read in ((DEEPEST, True), (DEEPEST + 1, False)):
        content = b"".join(part % (each, each) for each in range(depth)) + b"\r\ndeep"
        assert (read_contents(content).text == "deep") == is_read


PIECES = st.sampled_from(
    [
        b"Content-Type: ", b"multipart/mixed; boundary=x", b"text/plain; charset=", b"idna", b"hex",
        b"message/rfc822", b"message/delivery-status", b"\r\n", b"\r\n\r\n", b"--x\r\n", b"--x--",
        b"Content-Transfer-Encoding: base64", b"x-uuencode", b"begin 644 x\n", b"quoted-printable",
        b"=?utf-8?q?=zz?=", b"=?utf-8?b?####?=", b"=?idna?q?a?=", b"\xff\xfe", b"\0", b"; ", b"a:b",
        b"Content-Disposition: attachment; filename", b"*0*=utf-8''%ff", b"*1=", b'="', b"''",
    ]
)  # fmt: skip


@given(st.lists(PIECES | st.binary(max_size=8), max_size=30).map(b"".join))
def test_no_content_raises(content: bytes) -> None:
    contents = read_contents(content)
    assert "\udcff" not in repr(contents)
    assert repr(contents).encode("utf-8")


@pytest.mark.parametrize("field", [b"Content-Type: text/plain", b"Content-Disposition: attachment"])
def test_parameters_without_end_take_no_time_without_end(field: bytes) -> None:
    """A minute for each megabyte squared, in the standard library."""
    endless = field + b";" * 2_000_000
    contents = read_contents(b"To: a@b.example\r\n" + endless + b"\r\n\r\nhello\r\n")
    assert contents.fields[0] == ("To", "a@b.example")


def test_a_long_name_is_whole() -> None:
    name = "\N{HANGUL SYLLABLE GA}" * 255
    spelled = "".join([f"%{each:02X}" for each in name.encode()])
    field = f"Content-Disposition: attachment; filename*=utf-8''{spelled}\r\n"
    assert read_contents(field.encode() + b"\r\nx").attachments[0].filename == name


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\n" * (MOST_PARTS + 1),
        b"Subject: x\r\n\r\n" + b"\r\n" * MOST_LINES,
    ],
    ids=["parts", "lines"],
)
def test_a_message_that_would_take_too_long_is_shown_as_text(content: bytes) -> None:
    contents = read_contents(content)
    assert contents.root is None
    assert contents.text == content.decode()


def test_lines_that_only_look_like_delimiters_are_no_parts() -> None:
    rules = "--\r\n" * (MOST_PARTS + 1)
    contents = read_contents(f"Subject: x\r\n\r\n{rules}".encode())
    assert contents.text == rules.replace("\r\n", "\n")
    assert contents.root is not None
