"""Builds a message from its parts, for the command line."""

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.message import EmailMessage
from pathlib import Path

from gatepost.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a message. Addresses as in a header field: ``Ann <ann@example.com>``."""

    sender: str
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    attachments: Sequence[Path] = ()


def compose(draft: Draft) -> EmailMessage:
    """Return the message.

    Raises LocalProtocolError for a field that contains a line end, OSError when an
    attachment cannot be read.
    """
    message = EmailMessage()
    fields = {
        "From": draft.sender,
        "To": ", ".join(draft.to),
        "Cc": ", ".join(draft.cc),
        "Bcc": ", ".join(draft.bcc),
        "Subject": draft.subject,
    }
    for name, value in fields.items():
        if any(sign in value for sign in "\r\n\0"):
            raise LocalProtocolError(f"CR, LF or NUL in {name}")
        if value and not _try_to_add(message, name, value):
            raise LocalProtocolError(f"{name}: not an address: {value[:80]!r}")
    if draft.html is None:
        message.set_content(draft.text or "")
    elif draft.text is None:
        message.set_content(draft.html, subtype="html")
    else:
        message.set_content(draft.text)
        message.add_alternative(draft.html, subtype="html")
    for path in draft.attachments:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        main, _, sub = kind.partition("/")
        message.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)
    return message


def _try_to_add(message: EmailMessage, name: str, value: str) -> bool:
    """Add a field; False if it should contain addresses and does not."""
    try:
        message[name] = value
    except (IndexError, HeaderParseError):  # CPython 3.11 raises IndexError for "ann b@"
        return False
    return name == "Subject" or not message[name].defects
