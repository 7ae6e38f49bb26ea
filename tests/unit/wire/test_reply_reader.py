"""Replies as servers write them."""

import pytest

from gatepost.errors import RemoteProtocolError
from gatepost.model.reply import Esc, Reply
from gatepost.wire.reply_reader import MAX_LEFT_OUT, MAX_LINE, MAX_LINES, ReplyReader

REPLIES = [
    # on the wire                                     read as
    (b"250 OK\r\n", Reply(250, "OK")),
    (b"220\r\n", Reply(220, "")),
    (b"220 \r\n", Reply(220, "")),
    (b"250 OK\n", Reply(250, "OK")),
    (b"250-a\r\n250-b\r\n250 c\r\n", Reply(250, "a\nb\nc")),
    (b"250-\r\n250\r\n", Reply(250, "\n")),
    (b"504 5.7.4 Unrecognized\r\n", Reply(504, "Unrecognized", Esc(5, 7, 4))),
    (b"535 5.7.3\r\n", Reply(535, "", Esc(5, 7, 3))),
    (b"550-5.1.1 no\r\n550 5.1.1 such\r\n", Reply(550, "no\nsuch", Esc(5, 1, 1))),
    (b"550-first\r\n550 5.1.1 second\r\n", Reply(550, "first\nsecond", Esc(5, 1, 1))),
    (b"250 4.7.1 of another class\r\n", Reply(250, "4.7.1 of another class")),
    (b"250 2.1.5x\r\n", Reply(250, "2.1.5x")),
    (b"334 VXNlcm5hbWU6\r\n", Reply(334, "VXNlcm5hbWU6")),
    (b"250-fine\r\n550 after all\r\n", Reply(550, "fine\nafter all")),
    ("220 müßig\r\n".encode(), Reply(220, "müßig")),
    (b"220 caf\xe9\r\n", Reply(220, "caf\udce9")),
]


@pytest.mark.parametrize(("wire", "expected"), REPLIES)
def test_one_reply(wire: bytes, expected: Reply) -> None:
    reader = ReplyReader()
    reader.feed(wire)
    assert reader.next_reply() == expected
    assert not reader.has_unread


def test_several_in_one_packet() -> None:
    reader = ReplyReader()
    reader.feed(b"250 one\r\n250-two\r\n250 three\r\n354 go")
    assert [reader.next_reply() for _ in range(3)] == [
        Reply(250, "one"),
        Reply(250, "two\nthree"),
        None,
    ]
    assert reader.text == "250-two\n250 three"
    assert reader.has_unread
    reader.feed(b"\r\n")
    assert reader.next_reply() == Reply(354, "go")


def test_a_continuation_is_pending() -> None:
    reader = ReplyReader()
    reader.feed(b"250-one\r\n")
    assert reader.next_reply() is None
    assert reader.has_unread


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"* OK IMAP4rev1 ready\r\n",
        b"+OK POP3\r\n",
        b"25 short\r\n",
        b"2500 long\r\n",
        b"150 no such class in SMTP\r\n",
        b"650 nor this\r\n",
        b"250\ttab\r\n",
        b"\xff\xfe\r\n",
        b"\x15\x03\x03\x00\x02\x02\x46\n",
        b"334 " + b"x" * MAX_LINE + b"\r\n",
        b"334 " + b"x" * MAX_LINE,
        b"x" * (MAX_LINE + 1),
        b"250 " + b"x" * MAX_LEFT_OUT,
        b"250-more\r\n" * MAX_LINES,
        b"550-no\r\n250 yes\r\n",
        b"250-yes\r\n450-no\r\n354 go\r\n",
    ],
)
def test_malformed_replies_are_protocol_errors(wire: bytes) -> None:
    reader = ReplyReader()
    reader.feed(wire)
    with pytest.raises(RemoteProtocolError) as caught:
        reader.next_reply()
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("size", [MAX_LINE - 4, MAX_LINE - 3, 100_000, MAX_LEFT_OUT - 100])
@pytest.mark.parametrize("pieces", [1, 7])
def test_a_verdict_counts_whatever_length_its_text_has(size: int, pieces: int) -> None:
    """Else a message that was taken is sent again and again."""
    reader, told = ReplyReader(), []
    wire = b"250 " + b"x" * size + b"\r\n250 next\r\n"
    step = -(-len(wire) // pieces)
    for start in range(0, len(wire), step):
        reader.feed(wire[start : start + step])
        while (reply := reader.next_reply()) is not None:
            told.append(reply)
    cut = "x" * size if size + 4 <= MAX_LINE else f"[more than {MAX_LINE} octets]"
    assert told == [Reply(250, cut), Reply(250, "next")]


def test_the_limit_on_text_is_per_reply() -> None:
    reader = ReplyReader()
    for _ in range(2 * MAX_LEFT_OUT // (2 * MAX_LINE)):
        reader.feed(b"250 " + b"x" * 2 * MAX_LINE + b"\r\n")
        assert reader.next_reply() is not None


def test_a_long_reply_loses_the_text_of_its_last_lines() -> None:
    reader = ReplyReader()
    line = b"x" * 16_000
    reader.feed((b"550-" + line + b"\r\n") * 100 + b"550 5.1.1 no\r\n250 next\r\n")
    reply = reader.next_reply()
    assert reply is not None
    assert (reply.code, len(reply.lines), len(reply.text)) == (550, 101, 4 * 16_000 + 100)
    assert reader.next_reply() == Reply(250, "next")


def test_the_largest_reply() -> None:
    reader = ReplyReader()
    reader.feed(b"250-more\r\n" * (MAX_LINES - 1) + b"250 " + b"x" * (MAX_LINE - 4) + b"\r\n")
    reply = reader.next_reply()
    assert reply is not None
    assert len(reply.lines) == MAX_LINES
