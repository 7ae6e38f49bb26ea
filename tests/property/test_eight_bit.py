"""8-bit content in 7-bit encodings: for every message, its parts decode to the same."""

import email
import email.message
import hashlib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gatepost.mime.eight_bit import MAX_LINE, NotEncodable, SevenBit, is_seven_bit
from gatepost.mime.message_pieces import walk
from gatepost.model.body import BytesBody

LINES = st.lists(
    st.text("aé =\tß.\u20ac-F", max_size=200).map(str.encode)
    | st.binary(max_size=40).map(lambda octets: octets.translate(None, b"\r\n\0"))
    | st.sampled_from([b"x" * 1200, b"\xe9" * 1000, b"From me", b".", b"", b"=C3", b"a  "]),
    max_size=6,
)
TEXTS = LINES.map(b"\r\n".join).map(lambda text: text.replace(b"--", b"-+"))
BINARIES = st.binary(max_size=300).map(lambda octets: octets.replace(b"--", b"-+"))


@st.composite
def leaves(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["text/plain; charset=utf-8", "text/html", "image/png", ""]))
    encoding = draw(st.sampled_from(["8bit", "7bit", "binary", ""]))
    content = draw(TEXTS) if kind != "image/png" else draw(TEXTS | BINARIES)
    fields = f"Content-Type: {kind}\r\n" if kind else ""
    fields += f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else ""
    if draw(st.booleans()):
        fields += "Content-Disposition: attachment;\r\n filename=x\r\n"
    return fields.encode() + b"\r\n" + content


@st.composite
def multiparts(draw: st.DrawFn, parts: st.SearchStrategy[bytes]) -> bytes:
    inner = draw(st.lists(parts, min_size=1, max_size=3))
    number = draw(st.integers(0, 10**9))
    boundary = f"=_{number}_{len(b''.join(inner))}"
    subtype = draw(st.sampled_from(["mixed", "alternative", "signed"]))
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\npreamble\r\n'
    body = b"".join(f"--{boundary}\r\n".encode() + each + b"\r\n" for each in inner)
    return head.encode() + body + f"--{boundary}--\r\nepilogue".encode()


def messages(parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return parts.map(lambda part: b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n" + part)


ENTITIES = st.recursive(leaves(), lambda parts: multiparts(parts) | messages(parts), max_leaves=5)
MESSAGES = ENTITIES.map(lambda entity: b"From: a@b\r\nMIME-Version: 1.0\r\n" + entity)


def decoded(message: "email.message.Message[str, str]") -> Iterator[tuple[str, bytes]]:
    for each in message.walk():
        if not each.is_multipart():
            payload: Any = each.get_payload(decode=True)
            yield each.get_content_type(), payload


@given(MESSAGES)
def test_decoded_parts_are_the_same(message: bytes) -> None:
    body = SevenBit(BytesBody(message))
    encoded = b"".join(body.chunks())
    assert encoded.isascii()
    assert b"\0" not in encoded
    assert body.size == len(encoded)
    assert all(len(line) <= MAX_LINE for line in encoded.split(b"\r\n"))
    before = list(decoded(email.message_from_bytes(message)))
    after = list(decoded(email.message_from_bytes(encoded)))
    assert after == before
    again = SevenBit(BytesBody(encoded))
    assert b"".join(again.chunks()) == encoded, "what is 7-bit stays as it is"


@given(MESSAGES)
def test_7_bit_messages_are_unchanged(message: bytes) -> None:
    ascii_ = message.translate(bytes(each if 0 < each < 128 else 63 for each in range(256)))
    short = b"\r\n".join(line[:900] for line in ascii_.split(b"\r\n"))
    short = short.replace(b"ing: 8bit", b"ing: 7bit").replace(b"ing: binary", b"ing: 7bit")
    bare = short.replace(b"\r\n", b"").translate(None, b"\r\n")
    if len(bare) == len(short.replace(b"\r\n", b"")):
        assert b"".join(SevenBit(BytesBody(short)).chunks()) == short


ANYTHING = st.lists(
    st.sampled_from([
        b"Content-Type: multipart/mixed; boundary=x\r\n", b"Content-Type: multipart/digest;",
        b" boundary=\"x\"\r\n", b"--x\r\n", b"--x--\r\n", b"--x \r\n", b"--xy\r\n", b"\r\n", b"--",
        b"Content-Type: message/rfc822\r\n", b"Content-Transfer-Encoding: base64\r\n", b"a: b\r\n",
        b"text", b"\r", b"\n", b"\xe9", b"\0", b"Content-Transfer-Encoding: 8bit\r\n", b" ",
    ]) | st.binary(max_size=20),
    max_size=20,
).map(b"".join)  # fmt: skip


class Cut(BytesBody):
    """The same content in chunks of any size."""

    __slots__ = ("cuts",)

    def chunks(self) -> Iterator[bytes]:
        start = 0
        for cut in sorted({each % (len(self.content) + 1) for each in CUTS}):
            yield self.content[start:cut]
            start = cut
        yield self.content[start:]


CUTS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 65_537)


@given(ANYTHING)
def test_the_pieces_are_the_message(message: bytes) -> None:
    assert b"".join(piece.octets for piece in walk([message])) == message
    cut = list(Cut(message).chunks())
    assert b"".join(piece.octets for piece in walk(cut)) == message


def test_a_very_long_line_is_cut_where_it_begins() -> None:
    message = b"a: b\r\n\r\n" + b"\xe9" + b"z" * 200_000 + b"\r\nend"
    made = [b"".join(SevenBit(body).chunks()) for body in (BytesBody(message), Cut(message))]
    assert made[0] == made[1]
    [(_, payload)] = decoded(email.message_from_bytes(made[0]))
    assert payload == message[8:]


@given(ANYTHING)
def test_anything_becomes_7_bit_however_it_is_cut(message: bytes) -> None:
    outcomes = []
    for body in (BytesBody(message), Cut(message)):
        try:
            made = SevenBit(body)
        except NotEncodable as error:
            outcomes.append(str(error))
        else:
            encoded = BytesBody(b"".join(made.chunks()))
            assert is_seven_bit(encoded)
            outcomes.append(hashlib.sha256(encoded.content).hexdigest())
    assert outcomes[0] == outcomes[1]
