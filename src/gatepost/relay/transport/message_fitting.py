"""Adapts a message to a server: size, 8-bit content, addresses that are not ASCII.

RFC 1870 6.1 (SIZE), RFC 6152 3 (8BITMIME), RFC 3030 3 (BINARYMIME), RFC 6531 3.5 (SMTPUTF8).
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from gatepost.client.mail_commands import in_ascii
from gatepost.errors import LocalProtocolError
from gatepost.mime.eight_bit import NotEncodable, SevenBit, is_seven_bit
from gatepost.model.body import Body, Traits, is_made_on_the_way, traits_of
from gatepost.model.capabilities import Capabilities
from gatepost.model.envelope import Envelope
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import EightBit

TOO_LARGE: Final = Reply(552, "The message is too large for the server", Esc(5, 3, 4))
NO_8BIT: Final = Reply(554, "The server does not accept 8-bit content", Esc(5, 6, 3))
NO_UTF8_ADDRESS: Final = Reply(553, "The server accepts only ASCII addresses", Esc(5, 6, 7))
NO_UTF8_HEADER: Final = Reply(554, "The server accepts only ASCII header fields", Esc(5, 6, 9))
MAX_HEADER: Final = 1_048_576
"""Octets that are searched for the end of the header."""


class Traced:
    """Implements Body: trace fields followed by a content."""

    __slots__ = ("_body", "_trace", "made_on_the_way", "size", "traits")

    def __init__(self, trace: bytes, body: Body) -> None:
        self._trace, self._body = trace, body
        self.made_on_the_way = is_made_on_the_way(body)
        self.size = len(trace) + body.size
        """Total number of octets."""
        self.traits: Traits | None = None
        """The traits of the content, which also hold for our complete trace lines."""
        if (traits := traits_of(body)) is not None:
            is_seven_bit = traits.is_seven_bit and trace.isascii()
            self.traits = Traits(None, is_seven_bit, traits.is_undotted)

    def chunks(self) -> Iterator[bytes]:
        """Yield the fields, then the content in order."""
        return chain((self._trace,), self._body.chunks())


@dataclass(frozen=True, slots=True)
class FittedMessage:
    """The message as it is sent to this server."""

    envelope: Envelope
    body: Body


def may_read(envelope: Envelope, body: Body, offered: Capabilities) -> bool:
    """Tell whether ``fit`` may read the whole content, and encode it."""
    if envelope.smtputf8 and "SMTPUTF8" not in offered:
        return True
    if "8BITMIME" in offered and envelope.body != "BINARYMIME":
        return False
    traits = traits_of(body)
    return traits is None or not traits.is_seven_bit


def fit(
    envelope: Envelope, body: Body, offered: Capabilities, eight_bit: EightBit
) -> FittedMessage | Reply:
    """Adapt the message to the server; a Reply says why that is impossible.

    Reads the whole content if it may contain something that the server does not support.
    """
    fitted = _without_utf8(envelope, body, offered)
    if isinstance(fitted, FittedMessage):
        fitted = _as_8bit_goes(fitted, offered, eight_bit)
    if isinstance(fitted, FittedMessage) and (most := offered.size) and fitted.body.size > most:
        return TOO_LARGE.because(
            f"the message has {fitted.body.size} octets, the server accepts {most}"
        )
    return fitted


def _without_utf8(envelope: Envelope, body: Body, offered: Capabilities) -> FittedMessage | Reply:
    """Request SMTPUTF8 only if it is needed, even if the client requested it."""
    if ("SMTPUTF8" in offered) if envelope.smtputf8 else envelope.is_ascii:
        return FittedMessage(envelope, body)
    try:
        spelled = in_ascii(envelope, offered)
    except LocalProtocolError as error:
        return NO_UTF8_ADDRESS.because(str(error))
    people = [spelled.sender, *(each.address for each in spelled.recipients)]
    foreign = next((each for each in people if each is not None and not each.is_ascii), None)
    if foreign is not None and "SMTPUTF8" not in offered:
        return NO_UTF8_ADDRESS.because(
            f"{foreign} is not ASCII, and the server does not offer SMTPUTF8"
        )
    if envelope.smtputf8 and not read_header(body).isascii():
        try:
            return FittedMessage(replace(envelope, smtputf8=False, body="7BIT"), SevenBit(body))
        except NotEncodable as error:
            return NO_UTF8_HEADER.because(str(error))
    return FittedMessage(replace(envelope, smtputf8=False) if envelope.smtputf8 else envelope, body)


def _as_8bit_goes(
    fitted: FittedMessage, offered: Capabilities, eight_bit: EightBit
) -> FittedMessage | Reply:
    envelope, body = fitted.envelope, fitted.body
    if envelope.body == "BINARYMIME" and "BINARYMIME" in offered and "CHUNKING" in offered:
        return fitted
    if envelope.body == "8BITMIME" and "8BITMIME" in offered:
        return fitted
    if isinstance(body, SevenBit) or is_seven_bit(body):
        if envelope.body == "7BIT":
            return fitted
        return FittedMessage(replace(envelope, body="7BIT"), body)
    is_binary = envelope.body == "BINARYMIME"
    if "8BITMIME" in offered and not is_binary:
        return FittedMessage(replace(envelope, body="8BITMIME"), body)
    if eight_bit == "bounce":
        return NO_8BIT.because("the content is 8-bit, and the route has eight_bit = bounce")
    if eight_bit == "send" and not is_binary:
        return FittedMessage(replace(envelope, body="7BIT"), body)
    try:
        return FittedMessage(replace(envelope, body="7BIT"), SevenBit(body))
    except NotEncodable as error:
        return NO_8BIT.because(f"the content is 8-bit and cannot be encoded: {error}")


def read_header(body: Body) -> bytes:
    """Return the header of a content, without the empty line after it."""
    read = b""
    for chunk in body.chunks():
        read += chunk
        end = read.find(b"\r\n\r\n")
        if end >= 0:
            return read[: end + 2]
        if len(read) > MAX_HEADER:
            break
    return read
