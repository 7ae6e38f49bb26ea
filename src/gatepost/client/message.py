"""From the user's message to an envelope and a body.

The octets of the message are kept, except that Bcc is removed, Date and Message-ID are added if
they are missing, and line ends become CRLF. Nothing is derived from the login, because at some
providers it is not an address.
"""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address as EntryOfField
from email.headerregistry import Group
from email.message import EmailMessage, Message
from typing import Any, Final

from gatepost.errors import LocalProtocolError
from gatepost.mime.dates import format_date
from gatepost.mime.mailboxes import parse_mailboxes
from gatepost.model.address import Address, parse_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import BodyType, Envelope, Recipient
from gatepost.model.idn import a_labels
from gatepost.wire.content import Newlines

AnyMessage = EmailMessage | Message | bytes | str

_BCC: Final = re.compile(
    rb"^(?:resent-)?bcc[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE
)
_FIELD: Final = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*\n(?:[ \t][^\n]*\n)*)", re.MULTILINE)
_RECIPIENT_FIELDS: Final = ("To", "Cc", "Bcc")
_ADDRESS_FIELDS: Final = ("From", "Sender", "Reply-To", *_RECIPIENT_FIELDS)

Fields = Mapping[str, Sequence[str]]
"""Lower-case names to the unfolded values of each occurrence."""


@dataclass(frozen=True, slots=True)
class PreparedMessage:
    """A message that is ready to be sent."""

    envelope: Envelope
    body: BytesBody
    message_id: str


def prepare(message: AnyMessage, envelope: Envelope | None = None) -> PreparedMessage:
    """Return ``message`` in the form for sending.

    Without ``envelope``, the sender is Sender or From, the recipients are To, Cc and Bcc. ``str``
    and ``bytes`` are whole messages with header. Raises LocalProtocolError if there is no sender or
    recipient, or an address is invalid.
    """
    raw = _octets(message)
    header, content = _split(raw)
    fields = _fields(header)
    envelope = _checked(envelope) if envelope else _envelope(fields)
    if not envelope.recipients:
        raise LocalProtocolError("the message has no recipient: no To, Cc or Bcc")
    header = _BCC.sub(b"", header)
    message_id = next(iter(fields.get("message-id", ())), "")
    if not message_id:
        message_id = f"<{secrets.token_hex(16)}@{_domain(envelope, fields)}>"
        header = f"Message-ID: {message_id}\r\n".encode() + header
    if "date" not in fields:
        header = f"Date: {format_date(datetime.now(UTC))}\r\n".encode() + header
    envelope = replace(
        envelope,
        body=_body_type(envelope.body, header, content),
        smtputf8=envelope.smtputf8 or not header.isascii(),
    )
    return PreparedMessage(envelope, BytesBody(header + content), message_id)


def _checked(envelope: Envelope) -> Envelope:
    """Check the envelope here, so that a wrong type is not found late in the dialogue."""
    recipients = all(isinstance(each, Recipient) for each in envelope.recipients)
    if not recipients or not isinstance(envelope.sender, Address | None):
        raise LocalProtocolError(
            "an Envelope holds addresses: Envelope(parse_address('a@example.com'), "
            "(Recipient(parse_address('b@example.net')),))"
        )
    return envelope


def with_envelope(
    message: AnyMessage, sender: str | None, recipients: Iterable[str]
) -> PreparedMessage:
    """Return ``message`` for these recipients, whatever its header says.

    Without ``sender``, it is Sender or From. Raises LocalProtocolError.
    """
    try:
        to = tuple(Recipient(parse_address(text)) for text in recipients)
        envelope = Envelope(parse_address(sender) if sender else None, to)
    except ValueError as error:
        raise LocalProtocolError(str(error)) from None
    letter = prepare(message, envelope)
    if sender:
        return letter
    header, _ = _split(letter.body.content)
    return replace(letter, envelope=replace(letter.envelope, sender=_sender(_fields(header))))


def _octets(message: AnyMessage) -> bytes:
    if isinstance(message, str):
        raw = message.encode("utf-8", "surrogateescape")
    elif isinstance(message, bytes):
        raw = message
    else:
        try:
            raw = _serialised(message)
        except (LookupError, ValueError, MessageError) as error:
            # CPython 3.11 raises IndexError for the address "ann b@".
            raise LocalProtocolError(f"the message cannot be written: {error}") from error
    newlines = Newlines()
    raw = newlines.convert(raw, last=True)
    if newlines.met_nul:
        raise LocalProtocolError("the message contains a NUL")
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def _serialised(message: Message) -> bytes:
    """Return the octets of the message: 7-bit parts suit every server; a local part that is not
    ASCII needs raw UTF-8."""
    options: dict[str, Any] = {"linesep": "\r\n", "cte_type": "7bit"}
    if isinstance(message, EmailMessage) and _has_utf8_address(message):
        message = _with_a_labels(message)
        options["utf8"] = _has_utf8_address(message)
    return message.as_bytes(policy=message.policy.clone(**options))


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """Return the header with its last CRLF, and the rest, with the empty line."""
    if raw.startswith(b"\r\n"):
        return b"", raw
    end = raw.find(b"\r\n\r\n")
    return (raw, b"") if end < 0 else (raw[: end + 2], raw[end + 2 :])


def _fields(header: bytes) -> Fields:
    fields: dict[str, list[str]] = {}
    for match in _FIELD.finditer(header):
        value = match[2].replace(b"\r\n", b"").decode("utf-8", "surrogateescape")
        fields.setdefault(match[1].decode("ascii").lower(), []).append(value.strip())
    return fields


def _sender(fields: Fields) -> Address:
    senders = _addresses(fields, "Sender") or _addresses(fields, "From")
    if not senders:
        raise LocalProtocolError("the message has no sender: no From")
    return senders[0]


def _envelope(fields: Fields) -> Envelope:
    sender = _sender(fields)
    recipients = [address for name in _RECIPIENT_FIELDS for address in _addresses(fields, name)]
    unique = {address.key: address for address in recipients}
    return Envelope(sender, tuple(Recipient(address) for address in unique.values()))


def _addresses(fields: Fields, name: str) -> list[Address]:
    """Return the mailboxes of a field, by our own grammar; an empty group has none."""
    try:
        return [
            address
            for value in fields.get(name.lower(), ())
            if not _is_empty(value)
            for address in parse_mailboxes(value)
        ]
    except ValueError as error:
        raise LocalProtocolError(f"{name}: {error}") from None


def _is_empty(value: str) -> bool:
    """Tell whether a field has no mailbox, but perhaps the name of an empty group."""
    name, _, members = value.partition(":")
    return not value.strip() or ("@" not in name and members.strip() == ";")


def _has_utf8_address(message: EmailMessage) -> bool:
    return any(
        not entry.addr_spec.isascii()
        for name in _ADDRESS_FIELDS
        for value in message.get_all(name, [])
        for entry in getattr(value, "addresses", ())
    )


def _with_a_labels(message: EmailMessage) -> EmailMessage:
    """Return the message with its domains in ASCII, whatever the local part."""
    message = deepcopy(message)
    for name in _ADDRESS_FIELDS:
        for value in message.get_all(name, [])[:1]:  # there may be one of each kind
            groups = [
                Group(group.display_name, [_in_ascii(each) for each in group.addresses])
                for group in getattr(value, "groups", ())
            ]
            if groups:
                message.replace_header(name, groups)
    return message


def _in_ascii(entry: EntryOfField) -> EntryOfField:
    if entry.domain.isascii() or not entry.username.isascii():
        return entry
    try:
        return EntryOfField(entry.display_name, entry.username, a_labels(entry.domain))
    except ValueError as error:
        raise LocalProtocolError(str(error)) from None


def _domain(envelope: Envelope, fields: Fields) -> str:
    """Return the sender's domain, for a Message-ID."""
    senders = _addresses(fields, "From") if envelope.sender is None else [envelope.sender]
    domain = senders[0].domain if senders else ""
    return domain if domain.isascii() and domain and "[" not in domain else "localhost"


def _body_type(wished: BodyType, header: bytes, content: bytes) -> BodyType:
    if wished == "7BIT" and not (header.isascii() and content.isascii()):
        return "8BITMIME"
    return wished
