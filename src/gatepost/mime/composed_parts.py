"""Parts of a message that we compose: texts, attachments and their containers.

RFC 2045 (encodings), RFC 2046 5.1 (multipart), RFC 2183 (disposition), RFC 2387 (related). All
parts are 7-bit, so that every server accepts them.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from gatepost.mime.composed_fields import MAX_LINE, parameter

_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FOREIGN: Final = 1 / 6
"""Share of octets that are not ASCII beyond which Base64 is shorter than quoted-printable."""

Subtype = Literal["mixed", "alternative", "related"]


@dataclass(frozen=True, slots=True)
class Entity:
    """MIME fields, each with its CRLF, and the encoded content.

    The CRLF before a boundary belongs to the boundary, not to the content (RFC 2046 5.1.1).
    """

    fields: bytes
    pieces: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class File:
    """An attachment; with ``content_id`` it is shown at ``cid:content_id`` in the HTML."""

    name: str
    content_type: str
    content: bytes
    content_id: str = ""


def text_entity(subtype: str, text: str) -> Entity:
    """Return a text part in UTF-8: unchanged if permitted, else quoted-printable or Base64."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")  # a seventh of a pattern's time
    octets = lines.replace("\n", "\r\n").encode()
    encoding, content = _encode_text(octets)
    fields = (
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    )
    return Entity(fields.encode(), (content,))


def file_entity(file: File) -> Entity:
    """Return an attachment in Base64. Raises ValueError if its name or Content-ID is not permitted
    in a header."""
    disposition = "inline" if file.content_id else "attachment"
    fields = (
        f"Content-Type: {file.content_type}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: {disposition}{parameter('filename', file.name)}\r\n"
    )
    if file.content_id:
        if not _is_content_id(file.content_id):
            raise ValueError(f"{file.content_id[:80]!a} is no Content-ID")
        fields += f"Content-ID: <{file.content_id}>\r\n"
    return Entity(fields.encode("ascii"), (_base64(file.content),))


def _is_content_id(text: str) -> bool:
    """Tell whether text may stand between the angle brackets of a Content-ID (RFC 2045 7)."""
    return text.isascii() and text.isprintable() and not set(text) & set(" <>")


def multipart(subtype: Subtype, parts: Sequence[Entity], boundary: str) -> Entity:
    """Return the entity of several parts; a single part is returned as it is.

    ``boundary`` occurs in no part; one that begins with ``=_`` is in none that is encoded.
    """
    if len(parts) == 1:
        return parts[0]
    kind = '; type="text/html"' if subtype == "related" else ""
    fields = f'Content-Type: multipart/{subtype}{kind};\r\n boundary="{boundary}"\r\n'
    pieces: list[bytes] = []
    for part in parts:
        pieces += (f"--{boundary}\r\n".encode(), part.fields, b"\r\n", *part.pieces, b"\r\n")
    pieces.append(f"--{boundary}--".encode())
    return Entity(fields.encode(), tuple(pieces))


def _encode_text(octets: bytes) -> tuple[str, bytes]:
    if octets.isascii() and _CONTROL.search(octets) is None and _longest_line(octets) <= MAX_LINE:
        return "7bit", octets
    foreign = len(octets) - len(octets.decode().encode("ascii", "ignore"))
    if foreign > _FOREIGN * len(octets) or b"\0" in octets:
        return "base64", _base64(octets)
    lines = binascii.b2a_qp(octets.replace(b"\r\n", b"\n"), istext=True)
    return "quoted-printable", lines.replace(b"\n", b"\r\n")


def _longest_line(octets: bytes) -> int:
    return max(map(len, octets.split(b"\r\n")))


def _base64(content: bytes) -> bytes:
    """Return Base64 in lines of 76 characters (RFC 2045 6.8)."""
    return base64.encodebytes(content).rstrip(b"\n").replace(b"\n", b"\r\n")
