"""Base64 in AUTH."""

import pytest

from gatepost.wire.base64 import challenge_reply, decode_base64, encode_base64

# fmt: off
DECODED = [
    (b"",          b""),
    (b"=",         b""),
    (b"YQ==",      b"a"),
    (b"YQ",        b"a"),
    (b"YQ=",       b"a"),
    (b"YWI=",      b"ab"),
    (b"YWI",       b"ab"),
    (b"YWJj",      b"abc"),
    (b"AGEAYg==",  b"\0a\0b"),
    (b"/+8=",      b"\xff\xef"),
]
# fmt: on


@pytest.mark.parametrize(("text", "expected"), DECODED)
def test_decodes(text: bytes, expected: bytes) -> None:
    assert decode_base64(text) == expected


@pytest.mark.parametrize(
    "text",
    [b"Y", b"YWJjY", b"YQ===", b"YQ ==", b"Y Q", b"YQ==YQ==", b"=YQ=", b"a-b_", b"user:name",
     b"\xff\xff\xff\xff", b"YQ==\r\n", b"YWJj\0", b"*"],
)  # fmt: skip
def test_refuses(text: bytes) -> None:
    with pytest.raises(ValueError, match="base64"):
        decode_base64(text)


def test_says_nothing_of_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="base64") as caught:
        decode_base64(b"hunter2!")
    assert "hunter2" not in str(caught.value)


def test_one_line_however_long() -> None:
    encoded = encode_base64(b"x" * 5000)
    assert b"\n" not in encoded
    assert decode_base64(encoded) == b"x" * 5000


@pytest.mark.parametrize(
    ("prompt", "line"),
    [(b"Username:", b"334 VXNlcm5hbWU6\r\n"), (b"Password:", b"334 UGFzc3dvcmQ6\r\n"),
     (b"", b"334 \r\n")],
)  # fmt: skip
def test_challenges(prompt: bytes, line: bytes) -> None:
    assert challenge_reply(prompt).encode() == line
