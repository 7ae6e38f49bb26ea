"""A header in ASCII, in time proportional to its length."""

import pytest

from gatepost.mime.ascii_header import ascii_header

FOREIGN = "é".encode()


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b'To: "\xc3\xa9 x" <a@b.example>', b"To: =?utf-8?b?w6kgeA==?= <a@b.example>"),
        (
            b"To: a \xc3\xa9 \xc3\xa9, b \xc3\xa9 <a@b.example>",
            b"To: a =?utf-8?b?w6kgw6k=?=, b =?utf-8?b?w6k=?= <a@b.example>",
        ),
        (b'To: "\xc3\xa9 <a@b.example>', b'To: "=?utf-8?b?w6k=?= <a@b.example>'),
        (b"To: (\xc3\xa9) a@b.example", b"To: (=?utf-8?b?w6k=?=) a@b.example"),
        (b'Content-Type: a/b; name="\xc3\xa9 x"', b"Content-Type: a/b; name*=utf-8''%C3%A9%20x"),
        (b"Content-Type: a/b; name=\xc3\xa9", b"Content-Type: a/b; name*=utf-8''%C3%A9"),
    ],
)
def test_non_ascii_header_text_is_encoded(field: bytes, expected: bytes) -> None:
    assert ascii_header(field + b"\r\n\r\n") == expected + b"\r\n\r\n"


@pytest.mark.parametrize("address", [b"\xc3\xa9@b.example", b"<a@\xc3\xa9>", b"x <\xc3\xa9>"])
def test_an_address_has_no_other_spelling(address: bytes) -> None:
    with pytest.raises(ValueError, match="RFC 6531"):
        ascii_header(b"Cc: a@b.example, " + address + b"\r\n\r\n")


@pytest.mark.parametrize("name", [b"Cc", b"Content-Type", b"Subject"])
@pytest.mark.parametrize(
    "unit",
    [FOREIGN, FOREIGN + b" ", b"a", b'\\"', b'"', b"<", b"a=", b' a="\\', b"@a", b'"\xc3\xa9'],
)
def test_takes_linear_time(name: bytes, unit: bytes) -> None:
    """Four thousand octets of the first one once took a minute and a half."""
    field = name + b': "' + FOREIGN + b" " + unit * 20_000
    assert ascii_header(field + b"\r\n\r\n").isascii()
