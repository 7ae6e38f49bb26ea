"""The content of a message for readers: header, texts, attachments. Invalid input is read
leniently.

For showing captured mail, and for APIs that take the parts of a message: mail that is relayed by
SMTP is never parsed for its content.
"""

from dataclasses import dataclass, field

from gatepost.mime.decoded_fields import decode_field, readable, unfold_field
from gatepost.mime.message_pieces import Unparsable
from gatepost.mime.part_tree import Part, parse_message, read_parts


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
    root: Part | None = field(default=None, repr=False, compare=False)
    """The tree of all parts; None if the message cannot be parsed."""


def read_contents(content: bytes) -> Contents:
    """Return a message's contents; what cannot be decoded is kept or replaced, never raised."""
    try:
        message = parse_message(content)
        root = read_parts(message)
    except (Unparsable, RecursionError):  # of messages in messages
        return Contents(text=readable(content.decode("utf-8", "surrogateescape")))
    texts: dict[str, str] = {}
    attachments = []
    for part in root.leaves():
        kind = part.content_type
        if kind in ("text/plain", "text/html") and kind not in texts and not is_attached(part):
            texts[kind] = part.text
        else:
            attachments.append(_attachment(part))
    raw = [(name, str(value)) for name, value in message.raw_items()]
    return Contents(
        fields=tuple([(name, decode_field(value)) for name, value in raw]),
        raw=tuple([(name, unfold_field(value)) for name, value in raw]),
        text=texts.get("text/plain"),
        html=texts.get("text/html"),
        attachments=tuple(attachments),
        root=root,
    )


def is_attached(part: Part) -> bool:
    """Tell whether a part is a file, not a text of the message."""
    return part.disposition == "attachment" or bool(part.filename)


def _attachment(part: Part) -> Attachment:
    content = part.content
    return Attachment(part.filename, part.content_type, part.content_id, len(content), content)
