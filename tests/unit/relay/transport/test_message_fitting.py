"""A message in a form that each kind of server accepts."""

import pytest

from gatepost.mime.eight_bit import SevenBit
from gatepost.model.address import Address, parse_address
from gatepost.model.body import WINDOW, BytesBody, Traits
from gatepost.model.envelope import BodyType, Envelope, Recipient
from gatepost.model.reply import Reply
from gatepost.model.route import EightBit
from gatepost.relay.transport.message_fitting import FittedMessage, Traced, fit, read_header
from gatepost.wire.ehlo_reply import parse_capabilities

PLAIN = b"Subject: hi\r\n\r\nHello\r\n"
GERMAN = "Subject: hi\r\n\r\nGrüße\r\n".encode()
GERMAN_HEADER = "Subject: Grüße\r\n\r\nHello\r\n".encode()
GERMAN_SENDER = "From: grüße@example.com\r\n\r\nHello\r\n".encode()
ASCII, FOREIGN = parse_address("b@example.net"), parse_address("jürgen@example.net")
FOREIGN_DOMAIN = parse_address("b@münchen.example")
NO_LABEL = parse_address("b@xn--ü.example")
FULL = ("8BITMIME", "SMTPUTF8", "BINARYMIME", "CHUNKING", "PIPELINING", "SIZE 0")


def fitted(
    content: bytes,
    *offers: str,
    body: BodyType = "7BIT",
    smtputf8: bool = False,
    to: Address = ASCII,
    eight_bit: EightBit = "encode",
) -> FittedMessage | Reply:
    offered = parse_capabilities(Reply(250, "\n".join(["mail.example", *offers])))
    envelope = Envelope(parse_address("a@example.com"), (Recipient(to),), body, smtputf8)
    return fit(envelope, BytesBody(content), offered, eight_bit)


@pytest.mark.parametrize(
    ("content", "declared", "offers", "sent_as", "encoded"),
    [
        (PLAIN, "7BIT", (), "7BIT", False),
        (PLAIN, "8BITMIME", (), "7BIT", False),  # declared and not needed
        (PLAIN, "8BITMIME", FULL, "8BITMIME", False),
        (GERMAN, "7BIT", FULL, "8BITMIME", False),  # needed and not declared
        (GERMAN, "8BITMIME", FULL, "8BITMIME", False),
        (GERMAN, "8BITMIME", (), "7BIT", True),
        (GERMAN, "7BIT", (), "7BIT", True),
        (GERMAN, "BINARYMIME", FULL, "BINARYMIME", False),
        (GERMAN, "BINARYMIME", ("8BITMIME", "CHUNKING"), "7BIT", True),
        (PLAIN, "BINARYMIME", (), "7BIT", False),
    ],
)
def test_eight_bit_content(
    content: bytes, declared: BodyType, offers: tuple[str, ...], sent_as: str, encoded: bool
) -> None:
    result = fitted(content, *offers, body=declared)
    assert isinstance(result, FittedMessage)
    assert result.envelope.body == sent_as
    assert isinstance(result.body, SevenBit) == encoded
    octets = b"".join(result.body.chunks())
    assert octets.isascii() if encoded else octets == content


@pytest.mark.parametrize(
    ("eight_bit", "declared", "code"),
    [("bounce", "8BITMIME", 554), ("send", "8BITMIME", 0), ("send", "BINARYMIME", 0)],
)
def test_the_route_decides(eight_bit: EightBit, declared: BodyType, code: int) -> None:
    result = fitted(GERMAN, body=declared, eight_bit=eight_bit)
    if code:
        assert isinstance(result, Reply)
        assert (result.code, str(result.status)) == (code, "5.6.3")
    else:
        assert isinstance(result, FittedMessage)
        assert result.envelope.body == "7BIT"
        assert isinstance(result.body, SevenBit) == (declared == "BINARYMIME")


def test_content_that_cannot_be_encoded_is_refused() -> None:
    content = b"Content-Type: message/partial; id=x; number=1\r\n\r\n\xff\xfe\r\n"
    result = fitted(content)
    assert isinstance(result, Reply)
    assert "cannot be encoded" in result.reason


@pytest.mark.parametrize(
    ("content", "to", "offers", "asked", "code"),
    [
        (PLAIN, ASCII, (), False, 0),  # asked for by the client, needed by nothing
        (PLAIN, ASCII, FULL, True, 0),
        (PLAIN, FOREIGN_DOMAIN, (), False, 0),
        (PLAIN, FOREIGN, FULL, True, 0),
        (PLAIN, FOREIGN, ("8BITMIME",), False, 553),
        (PLAIN, NO_LABEL, ("8BITMIME",), False, 553),
        (GERMAN_HEADER, ASCII, FULL, True, 0),
        (GERMAN_HEADER, ASCII, ("8BITMIME",), False, 0),  # the header has an ASCII spelling
        (GERMAN_SENDER, ASCII, ("8BITMIME",), False, 554),  # an address has none
    ],
)
def test_smtputf8(
    content: bytes, to: Address, offers: tuple[str, ...], asked: bool, code: int
) -> None:
    result = fitted(content, *offers, smtputf8=True, to=to)
    if code:
        assert isinstance(result, Reply)
        assert result.code == code
        return
    assert isinstance(result, FittedMessage)
    assert result.envelope.smtputf8 == asked
    if content is GERMAN_HEADER and not asked:
        assert b"".join(result.body.chunks()).isascii()


@pytest.mark.parametrize(
    ("size", "refused"),
    [("SIZE 22", False), ("SIZE 21", True), ("SIZE 0", False), ("SIZE", False)],
)
def test_a_message_that_is_too_large_is_not_sent(size: str, refused: bool) -> None:
    assert len(PLAIN) == 22
    result = fitted(PLAIN, size)
    assert isinstance(result, Reply) == refused
    if isinstance(result, Reply):
        assert (result.code, str(result.status)) == (552, "5.3.4")


def test_the_size_after_encoding_counts() -> None:
    assert isinstance(fitted(GERMAN, f"SIZE {len(GERMAN)}"), Reply)


def test_the_trace_comes_first() -> None:
    large = b"x" * (2 * WINDOW + 5)
    for content in (b"", PLAIN, large):
        traced = Traced(b"Received: here\r\n", BytesBody(content))
        assert b"".join(traced.chunks()) == b"Received: here\r\n" + content
        assert traced.size == len(content) + 16
    assert b"".join(Traced(b"", BytesBody(PLAIN)).chunks()) == PLAIN


def test_the_traits_of_a_content_hold_with_its_trace() -> None:
    known = BytesBody(PLAIN, Traits(1, is_seven_bit=True, is_undotted=True))
    assert Traced(b"Received: here\r\n", known).traits == Traits(
        None, is_seven_bit=True, is_undotted=True
    )
    assert Traced("Received: für\r\n".encode(), known).traits == Traits(
        None, is_seven_bit=False, is_undotted=True
    )
    assert Traced(b"Received: here\r\n", BytesBody(PLAIN)).traits is None


@pytest.mark.parametrize(
    ("content", "header"),
    [
        (PLAIN, b"Subject: hi\r\n"),
        (b"\r\n\r\n", b"\r\n"),
        (b"no end", b"no end"),
        (b"A: b\r\n" * 400_000, None),
    ],
)
def test_the_header_is_found(content: bytes, header: bytes | None) -> None:
    found = read_header(BytesBody(content))
    assert found == header if header is not None else len(found) < 1_500_000
