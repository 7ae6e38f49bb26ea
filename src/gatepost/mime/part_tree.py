"""The parts of a message, decoded, as a tree. Invalid input is read leniently."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from email.utils import collapse_rfc2231_value
from typing import Any, Final, Literal

from gatepost.mime.charsets import decode_text
from gatepost.mime.decoded_fields import decode_field
from gatepost.mime.message_pieces import Unparsable, walk

DEEPEST: Final = 20
"""Maximum nesting of parts for display."""
MOST_PARTS: Final = 10_000
MOST_LINES: Final = 1_000_000
"""Of a message that is parsed: with more, the library takes seconds, and its garbage collection
lets no other thread run for long."""
LONGEST_KIND: Final = 4_096
"""Maximum characters of a Content- field that are read: the time of the library for its parameters
grows with the square of their length."""
ROOT: Final = "0"
"""The id of the message itself; its parts are 1, 2, and those of part 1 are 1.1, 1.2."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part with its content decoded; only a multipart has parts."""

    id: str
    content_type: str
    disposition: Literal["attachment", "inline", ""]
    """Empty if none was given."""
    filename: str = ""
    content_id: str = ""
    charset: str = ""
    content: bytes = field(default=b"", repr=False)
    parts: "tuple[Part, ...]" = ()

    @property
    def text(self) -> str:
        """The content as text, with LF."""
        text = decode_text(self.content, self.charset)
        return text.replace("\r\n", "\n")

    def leaves(self) -> "Iterator[Part]":
        """Yield the parts with content, in order; a message in the message is one of them."""
        if not self.parts:
            yield self
        for each in self.parts:
            yield from each.leaves()


def parse_message(content: bytes) -> "Message[str, str]":
    """Return the message as the library reads it. Raises Unparsable, RecursionError."""
    _check_structure(content)
    return BytesParser(policy=_Bounded()).parsebytes(content)


def read_parts(message: "Message[str, str]", id: str = ROOT) -> Part:
    """Return the tree of a message from ``parse_message``."""
    disposition: Any = message.get_content_disposition()
    parts: tuple[Part, ...] = ()
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        inner: Any = message.get_payload()
        before = "" if id == ROOT else f"{id}."
        parts = tuple([read_parts(each, f"{before}{at}") for at, each in enumerate(inner, 1)])
    return Part(
        id,
        message.get_content_type(),
        disposition if disposition in ("attachment", "inline") else "",
        _filename(message),
        decode_field(str(message.get("Content-ID", ""))).strip("<>"),
        _parameter(message, "content-type", "charset"),
        b"" if parts else _octets(message),
        parts,
    )


class _Bounded(Compat32):
    """Truncates long Content- fields, which the parser itself reads, and writes any others."""

    verify_generated_headers = False

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_KIND] if name.lower().startswith("content-") else value


def _check_structure(content: bytes) -> None:
    """Raise Unparsable for too many lines or parts, and for deeply nested parts: the library
    compares every line with each of them.

    Few messages have so many that they are counted exactly.
    """
    if content.count(b"\n") > MOST_LINES:
        raise Unparsable("too many lines")
    if content.lower().count(b"multipart/") <= DEEPEST and content.count(b"\n--") <= MOST_PARTS:
        return
    headers = (piece for piece in walk([content], DEEPEST) if piece.kind == "header")
    if any(number > MOST_PARTS for number, _ in enumerate(headers)):
        raise Unparsable("too many parts")


def _filename(part: "Message[str, str]") -> str:
    for header, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        if name := _parameter(part, header, parameter):
            return decode_field(name)
    return ""


def _parameter(part: "Message[str, str]", header: str, name: str) -> str:
    """Return a parameter of a field (RFC 2231); empty if it is missing or invalid."""
    try:
        return collapse_rfc2231_value(part.get_param(name, "", header) or "")
    except (TypeError, ValueError, LookupError):  # all seen from the standard library
        return ""


def _octets(part: "Message[str, str]") -> bytes:
    if part.is_multipart():  # a message in a message
        inner: Any = part.get_payload()
        return b"".join([each.as_bytes() for each in inner])
    try:
        payload = part.get_payload(decode=True)
    except ValueError:  # a charset with a NUL in it: read it as if none was named
        del part["content-type"]
        payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
