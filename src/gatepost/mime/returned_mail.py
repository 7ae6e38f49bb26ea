"""Reads what comes back about a message: notifications (RFC 3464), and bounces in other forms.

Whatever is wrong with them, they are read as far as possible.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Final

from gatepost.mime.message_pieces import Unparsable
from gatepost.mime.part_tree import Part, parse_message, read_parts

MOST_READ: Final = 1024 * 1024
"""Octets of a returned message that are read; what it returns of ours may be behind them."""
MOST_RECIPIENTS: Final = 1_000
MOST_TEXT: Final = 65_536
"""Characters of the text for people that are kept."""
LONGEST_FIELD: Final = 8_192
"""Characters of a field in a notification that are kept."""
_RETURNED_TYPES: Final = (
    "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers",
)  # fmt: skip
_STATUS_TYPES: Final = ("message/delivery-status", "message/global-delivery-status")


@dataclass(frozen=True, slots=True)
class ReturnedRecipient:
    """What a notification says about one recipient (RFC 3464 2.3)."""

    address: str
    """As the message had it, if the notification says so; otherwise its final form."""
    action: str
    """In lower case: failed, delayed, delivered, relayed or expanded."""
    status: str = ""
    """RFC 3463."""
    diagnostic: str = ""
    """The reply of the server, without the type of the code."""
    server: str = ""
    """The name of the server that replied."""


@dataclass(frozen=True, slots=True)
class ReturnedMessage:
    """A notification, or a message that may be one in a form of its own."""

    recipients: tuple[ReturnedRecipient, ...] = ()
    """Empty if it is no notification by RFC 3464."""
    failed: tuple[str, ...] = ()
    """The addresses in X-Failed-Recipients (Exim)."""
    text: str = ""
    """What it says to people."""
    is_automatic_reply: bool = False
    """It answers our message, and says nothing about its delivery (RFC 3834)."""
    message_id: str = ""
    """That of the message that it returns, whole or its header only."""


def read_returned(content: bytes) -> ReturnedMessage:
    """Return what a message that came back says."""
    try:
        message = parse_message(content[:MOST_READ])
        tree = read_parts(message)
    except (Unparsable, RecursionError):
        return ReturnedMessage()
    recipients = [each for part in tree.leaves() for each in _recipients(part)]
    submitted = str(message.get("Auto-Submitted", "")).partition(";")[0].strip().lower()
    return ReturnedMessage(
        tuple(recipients[:MOST_RECIPIENTS]),
        tuple(_addresses(message)),
        _text(tree),
        submitted == "auto-replied",
        next(filter(None, map(_message_id, tree.leaves())), ""),
    )


def _addresses(message: "Message[str, str]") -> Iterator[str]:
    for value in message.get_all("X-Failed-Recipients", [])[:10]:
        for each in str(value).split(",")[:MOST_RECIPIENTS]:
            if each.strip():
                yield each.strip().strip("<>")


def _message_id(part: Part) -> str:
    """Return the Message-ID in a part that returns a message; empty for another part."""
    if part.content_type not in _RETURNED_TYPES:
        return ""
    header = part.text[:MOST_TEXT].partition("\n\n")[0]
    fields = next(_groups(header), {})
    return fields.get("message-id", "").strip().partition(" ")[0]


def _recipients(part: Part) -> Iterator[ReturnedRecipient]:
    if part.content_type not in _STATUS_TYPES:
        return
    for fields in _groups(part.text):
        typed = fields.get("original-recipient", "") or fields.get("final-recipient", "")
        if not typed or "action" not in fields:
            continue
        yield ReturnedRecipient(
            _untyped(typed).strip("<>"),
            fields["action"].partition(";")[0].partition(" ")[0].strip().lower(),
            fields.get("status", "").partition(" ")[0].partition("(")[0].strip(),
            _untyped(fields.get("diagnostic-code", "")),
            _untyped(fields.get("remote-mta", "")).partition(" ")[0],
        )


def _untyped(value: str) -> str:
    """Return what is behind the type: ``rfc822; bob@example.net``."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else value.strip()


def _groups(text: str) -> Iterator[Mapping[str, str]]:
    """Yield the groups of fields, the names in lower case; the first is about the whole."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.split("\n"):
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t" and name:
            if len(fields[name]) < LONGEST_FIELD:
                fields[name] = f"{fields[name]} {line.strip()}"[:LONGEST_FIELD]
        else:
            name, colon, value = line.partition(":")
            name = name.strip().lower() if colon else ""
            if name:
                fields.setdefault(name, value.strip()[:LONGEST_FIELD])
    if fields:
        yield fields


def _text(tree: Part) -> str:
    """Return the first text of a message that is not what it returns of ours."""
    leaves: Sequence[Part] = tuple(tree.leaves())
    texts = (each.text for each in leaves if each.content_type == "text/plain")
    return next(texts, "")[:MOST_TEXT]
