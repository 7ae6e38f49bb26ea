"""The content of a message for readers: header, texts, attachments. Invalid input is read
leniently.

For showing captured mail, and for APIs that take the parts of a message: mail that is relayed by
SMTP is never parsed for its content.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from email.utils import collapse_rfc2231_value
from typing import Any, Final

from gatepost.mime.charsets import is_charset
from gatepost.mime.message_pieces import Unparsable, walk

DEEPEST: Final = 20
"""Maximum nesting of parts for display."""
LONGEST: Final = 16_384
"""Maximum characters of a field in which encoded words are decoded."""
LONGEST_KIND: Final = 4_096
"""Maximum characters of a Content- field that are read: the time of the library for its parameters
grows with the square of their length."""
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not one of the texts. ``filename`` is empty if none was given."""

    filename: str
    content_type: str
    content_id: str
    size: int
    """Octets, decoded."""
    content: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Contents:
    """A message, decoded: fields in order, the first text of each kind, the other parts."""

    fields: tuple[tuple[str, str], ...] = ()
    raw: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)
    """The fields unfolded, with encoded words as they are, and other octets over 127 as UTF-8."""
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()


def read_contents(content: bytes) -> Contents:
    """Return a message's contents; what cannot be decoded is kept or replaced, never raised."""
    try:
        _check_depth(content)
        return _read(BytesParser(policy=_Bounded()).parsebytes(content))
    except (Unparsable, RecursionError):  # of messages in messages
        return Contents(text=_plain(content.decode("utf-8", "replace")))


class _Bounded(Compat32):
    """Truncates long Content- fields, which the parser itself reads."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_KIND] if name.lower().startswith("content-") else value


def _check_depth(content: bytes) -> None:
    """Raise Unparsable for deeply nested parts: the library compares every line with each of them.

    Few messages have so many multiparts that they are checked.
    """
    if content.lower().count(b"multipart/") > DEEPEST:
        for _ in walk([content], DEEPEST):
            pass


def _read(message: "Message[str, str]") -> Contents:
    texts: dict[str, str] = {}
    attachments = []
    for part in _leaves(message):
        kind = part.get_content_type()
        if kind in ("text/plain", "text/html") and kind not in texts and not _is_attached(part):
            texts[kind] = _decode_text(part)
        else:
            attachments.append(_attachment(part))
    return Contents(
        fields=tuple([(name, decode_field(str(value))) for name, value in message.raw_items()]),
        raw=tuple(
            [(name, _plain(_FOLD.sub("", str(value)))) for name, value in message.raw_items()]
        ),
        text=texts.get("text/plain"),
        html=texts.get("text/html"),
        attachments=tuple(attachments),
    )


def decode_field(raw: str) -> str:
    """Return a field's value for people: unfolded, decoded (RFC 2047), without lone surrogates."""
    text = _plain(_FOLD.sub("", raw)).strip()
    if "=?" not in text or len(text) > LONGEST:
        return text
    try:
        words = decode_header(text)
        if not all(charset is None or is_charset(charset) for _, charset in words):
            return text
        return _plain(str(make_header(words)))
    except (ValueError, LookupError, MessageError):
        return text


def _plain(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _leaves(message: "Message[str, str]") -> Iterator["Message[str, str]"]:
    """Yield the parts with content, including messages in the message."""
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        parts: Any = message.get_payload()
        for part in parts:
            yield from _leaves(part)
    else:
        yield message


def _is_attached(part: "Message[str, str]") -> bool:
    return part.get_content_disposition() == "attachment" or bool(_filename(part))


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


def _attachment(part: "Message[str, str]") -> Attachment:
    kind, filename = part.get_content_type(), _filename(part)
    if part.is_multipart():  # a message in a message
        inner: Any = part.get_payload()
        content = b"".join([each.as_bytes() for each in inner])
    else:
        content = _octets(part)
    content_id = decode_field(str(part.get("Content-ID", ""))).strip("<>")
    return Attachment(filename, kind, content_id, len(content), content)


def _octets(part: "Message[str, str]") -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except ValueError:  # a charset with a NUL in it: read it as if none was named
        del part["content-type"]
        payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decode_text(part: "Message[str, str]") -> str:
    charset = _parameter(part, "content-type", "charset") or "utf-8"
    charset = charset if is_charset(charset) else "utf-8"
    octets = _octets(part)
    try:
        text = octets.decode(charset, "replace")
    except (LookupError, ValueError):
        text = octets.decode("utf-8", "replace")
    return _plain(text.replace("\r\n", "\n"))
