"""From a document to a message: addresses, header, MIME structure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gatepost.mime.composed_fields import Mailbox, is_field_text, mailbox_field, text_field
from gatepost.mime.composed_parts import Entity, File, file_entity, multipart, text_entity
from gatepost.mime.dates import format_date
from gatepost.model.address import Address, parse_address
from gatepost.model.profile import ApiRules
from gatepost.rest.email.attachments import read_attachments
from gatepost.rest.email.headers import Headers, read_headers
from gatepost.rest.email.refusals import InvalidProperty, bad_request, invalid_address
from gatepost.rest.email.request_document import Email, EmailContent, Person

_LOCAL_SIZE: Final = 64
"""Octets, RFC 5321 4.5.3.1.1."""
_LABEL_SIZE: Final = 63
"""Octets, RFC 1035 2.3.4; ``parse_address`` bounds the whole."""
_BRACKETS: Final = re.compile(r"<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class ApiMessage:
    """A document that may be sent, its attachments decoded."""

    sender: Address
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    content: EmailContent
    files: tuple[File, ...]
    headers: Headers
    tracking_disabled: bool = False

    @property
    def recipients(self) -> tuple[Address, ...]:
        """All recipients, each once, in their first spelling."""
        addresses: dict[str, Address] = {}
        for _, address in (*self.to, *self.cc, *self.bcc):
            addresses.setdefault(address.key, address)
        return tuple(addresses.values())

    @property
    def message_id(self) -> str:
        """The client's; empty: ours."""
        return self.headers.message_id


@dataclass(frozen=True, slots=True)
class MessageStamp:
    """What the service adds to a message. ``boundary`` is random."""

    id: str
    date: datetime
    sender_name: str = ""
    boundary: str = ""


def read_sender(email: Email) -> Address:
    """Return the sender: an address, bare or in brackets. Raises ApiError 400.

    A display name is refused: it belongs to the sender user name in the directory
    (Azure/azure-sdk-for-java#39910, which also shows that brackets are accepted).
    """
    text = email.sender_address.strip()
    match = _BRACKETS.fullmatch(text)
    try:
        return _parse(match[1] if match else text)
    except ValueError:
        raise InvalidProperty("senderAddress", "sender_invalid: it is not an address") from None


def read_message(email: Email, sender: Address, rules: ApiRules) -> ApiMessage:
    """Check the rest of a document. Raises ApiError 400."""
    to, cc, bcc = (_people(path, people) for path, people in email.recipients.groups)
    count = len(to) + len(cc) + len(bcc)
    most = rules.recipients
    if count > most:
        raise bad_request(
            f"The message has {count} recipients, {most} are allowed.",
            f"too_many_recipients: {count}, {most} are allowed",
        )
    if not is_field_text(email.content.subject):
        raise InvalidProperty("content.subject", "header_injection: a line end in the subject")
    headers = read_headers(email.headers or {}, ignore_reserved=rules.reserved_headers == "ignore")
    files = read_attachments(
        email.attachments or (),
        drop_invalid=headers.drop_invalid_attachments,
        allow_duplicates=headers.allow_duplicate_content_ids,
        any_type=rules.attachment_types == "any",
    )
    return ApiMessage(
        sender,
        to,
        cc,
        bcc,
        reply_to=_people("replyTo", email.reply_to or ()),
        content=email.content,
        files=tuple(files),
        headers=headers,
        tracking_disabled=bool(email.user_engagement_tracking_disabled),
    )


def without_message_id(message: ApiMessage) -> ApiMessage:
    """Return the message with the service's Message-ID instead of the client's."""
    return replace(message, headers=replace(message.headers, message_id=""))


def compose(message: ApiMessage, stamp: MessageStamp) -> bytes:
    """Return the message as it is stored. Bcc recipients are not in the header."""
    body = _structure(message, stamp.boundary)
    message_id = message.message_id or f"<{stamp.id}@{message.sender.domain.lower()}>"
    fields = [
        mailbox_field("From", [(stamp.sender_name, message.sender)]),
        *(
            mailbox_field(name, people)
            for name, people in (
                ("To", message.to),
                ("Cc", message.cc),
                ("Reply-To", message.reply_to),
            )
            if people
        ),
        text_field("Subject", message.content.subject),
        f"Date: {format_date(stamp.date)}\r\nMessage-ID: {message_id}\r\n".encode(),
        message.headers.fields,
        b"MIME-Version: 1.0\r\n",
        body.fields,
        b"\r\n",
    ]
    return b"".join([*fields, *body.pieces, b"\r\n"])


def _structure(message: ApiMessage, boundary: str) -> Entity:
    """Return the MIME structure: images with a contentId belong to the HTML, other files are
    attached."""
    content, parts = message.content, []
    inline = [each for each in message.files if content.html and each.content_id]
    attached = [each for each in message.files if not (content.html and each.content_id)]
    if content.plain_text or not content.html:
        parts.append(text_entity("plain", content.plain_text or ""))
    if content.html:
        html = [text_entity("html", content.html), *map(file_entity, inline)]
        parts.append(multipart("related", html, f"=_r{boundary}"))
    body = multipart("alternative", parts, f"=_a{boundary}")
    return multipart("mixed", [body, *map(file_entity, attached)], f"=_m{boundary}")


def _people(path: str, people: Sequence[Person]) -> tuple[Mailbox, ...]:
    return tuple(_person(f"{path}[{place}]", person) for place, person in enumerate(people))


def _person(path: str, person: Person) -> Mailbox:
    try:
        address = _parse(person.address.strip())
    except ValueError:
        raise invalid_address(person.address) from None
    if not is_field_text(person.display_name):
        raise InvalidProperty(f"{path}.displayName", "header_injection: a line end in a name")
    return person.display_name, address


def _parse(text: str) -> Address:
    """Return an ASCII address, because the service does not offer SMTPUTF8. Raises ValueError.

    A domain of one label is permitted (RFC 5321 4.1.2); what the service does is unknown.
    """
    address = parse_address(text)
    if not address.is_ascii:
        raise ValueError("not ASCII")
    labels = address.domain.split(".")
    if len(address.local) > _LOCAL_SIZE or max(map(len, labels)) > _LABEL_SIZE:
        raise ValueError("too long")
    return address
