"""Converts a message to requests of Azure Communication Services' e-mail API.

Source: Azure/azure-rest-api-specs, specification/communication, data-plane/Email, 2025-09-01.
The API takes the parts of a message, not the message. So these are lost: the order of fields,
repeated fields, signatures (DKIM, S/MIME), and structure beyond text, HTML and attachments. For a
null envelope sender, the From field gives the sender.
"""

import base64
import mimetypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gatepost.mime.composed_fields import Mailbox, is_field_text
from gatepost.mime.readable_contents import Attachment, Contents, read_contents
from gatepost.model.address import Address
from gatepost.model.envelope import Envelope
from gatepost.relay.transport.header_recipients import header_recipients, mailboxes

MAX_HEADERS: Final = 100
_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_MADE_BY_THE_SERVICE: Final = frozenset(
    {
        "from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "mime-version",
        "received", "return-path", "dkim-signature", "authentication-results",
    }
)  # fmt: skip
_PREFIXES: Final = ("content-", "resent-", "arc-")


@dataclass(frozen=True, slots=True)
class AcsRequest:
    """One request to the e-mail API, and the recipients of the envelope that it is for.

    The requests of a message share the octets of what is the same in all of them.
    """

    addresses: tuple[Address, ...]
    recipients: bytes
    """A JSON object."""
    rest: bytes
    """The document without its recipients."""

    @property
    def body(self) -> bytes:
        """The document as it is sent."""
        return b'{"recipients":' + self.recipients + b"," + self.rest[1:]

    @property
    def name(self) -> str:
        """A key that differs for each request of a message."""
        return " ".join(sorted(str(each).lower() for each in self.addresses))


def acs_requests(envelope: Envelope, content: bytes) -> tuple[AcsRequest, ...]:
    """Return the requests that send a message.

    Usually there is one. The API needs a recipient in To; if all are blind copies, each gets a
    request of its own, so that they do not see each other. Raises ValueError for a message without
    a sender.
    """
    contents = read_contents(content)
    rest = msgspec.json.encode(_document(envelope, contents))
    places = header_recipients(envelope, contents)
    to, cc = (places.to, places.cc) if places.to else (places.cc, ())
    if to:
        everybody = {
            "to": _people(to),
            "cc": _people(cc),
            "bcc": _people([("", each) for each in places.hidden]),
        }
        addresses = tuple(each.address for each in envelope.recipients)
        named = {name: people for name, people in everybody.items() if people}
        return (AcsRequest(addresses, msgspec.json.encode(named), rest),)
    alone = [(each, {"to": _people([("", each)])}) for each in places.hidden]
    return tuple([AcsRequest((each,), msgspec.json.encode(to), rest) for each, to in alone])


def _document(envelope: Envelope, contents: Contents) -> dict[str, Any]:
    authors = mailboxes(contents, "from")
    sender = authors[0][1] if authors else envelope.sender
    if sender is None:
        raise ValueError("neither the envelope nor From names a sender")
    subject = next((value for name, value in contents.fields if name.lower() == "subject"), "")
    texts = {"plainText": contents.text, "html": contents.html}
    if not contents.text and not contents.html:
        texts = {"plainText": " ", "html": None}  # one of them must be there
    document: dict[str, Any] = {
        "senderAddress": str(sender),
        "content": {"subject": _one_line(subject)}
        | {name: text for name, text in texts.items() if text},
    }
    optional = {
        "replyTo": _people(mailboxes(contents, "reply-to")),
        "attachments": list(_attachments(contents.attachments)),
        "headers": _headers(contents.fields),
    }
    return document | {name: value for name, value in optional.items() if value}


def _people(people: Sequence[Mailbox]) -> list[dict[str, str]]:
    return [
        {"address": str(address)} | ({"displayName": name} if name else {})
        for name, address in people
    ]


def _attachments(attachments: Sequence[Attachment]) -> Iterator[dict[str, str]]:
    for number, each in enumerate(attachments, 1):
        name = _one_line(each.filename).strip()
        if not name:
            name = f"attachment-{number}{mimetypes.guess_extension(each.content_type) or ''}"
        document = {
            "name": name,
            "contentType": each.content_type,
            "contentInBase64": base64.b64encode(each.content).decode(),
        }
        if each.content_id:
            document["contentId"] = each.content_id
        yield document


def _headers(fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the header fields that the API accepts; of repeated fields the first one."""
    headers: dict[str, str] = {}
    names: set[str] = set()
    for name, value in fields:
        folded = name.lower()
        if folded in _MADE_BY_THE_SERVICE or folded.startswith(_PREFIXES) or folded in names:
            continue
        if _NAME.fullmatch(name) and is_field_text(value) and len(headers) < MAX_HEADERS:
            names.add(folded)
            headers[name] = value
    return headers


def _one_line(text: str) -> str:
    return "".join(each if is_field_text(each) else " " for each in text)
