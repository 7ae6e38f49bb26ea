"""The message of ``sendMail``: MIME in Base64, or JSON.

https://learn.microsoft.com/graph/api/resources/message
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec

from gatepost.client.message import prepare
from gatepost.directory.azure.changes import Rejected
from gatepost.directory.azure.resource_ids import new_guid
from gatepost.errors import LocalProtocolError
from gatepost.mime.authors import read_authors
from gatepost.mime.readable_contents import read_contents
from gatepost.model.address import Address, parse_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.profile import ApiRules
from gatepost.rest.email import request_document as acs
from gatepost.rest.email.message import MessageStamp, compose, read_message
from gatepost.rest.errors import ApiError
from gatepost.rest.graph.handled_request import UNREADABLE
from gatepost.wire.content import Newlines

_PEOPLE: Final = 500
"""Recipients of one message (Exchange Online limits, recipient limit, the default)."""
_RULES: Final = ApiRules(attachment_types="any", recipients=_PEOPLE)

Mail = tuple[Envelope, bytes]


class _Address(msgspec.Struct, frozen=True):
    address: str
    name: str = ""


class _Person(msgspec.Struct, frozen=True, rename="camel"):
    email_address: _Address

    @property
    def for_acs(self) -> acs.Person:
        return acs.Person(self.email_address.address, self.email_address.name)


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    content: str = ""
    content_type: str = "text"


class _File(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    content_bytes: str
    content_type: str | None = None
    content_id: str | None = None


class _Header(msgspec.Struct, frozen=True):
    name: str
    value: str


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    subject: str | None = ""
    body: _Body = _Body()
    to_recipients: Sequence[_Person] = ()
    cc_recipients: Sequence[_Person] = ()
    bcc_recipients: Sequence[_Person] = ()
    reply_to: Sequence[_Person] = ()
    attachments: Sequence[_File] = ()
    internet_message_headers: Sequence[_Header] = ()
    from_: _Person | None = msgspec.field(name="from", default=None)


def read_mime(body: bytes, mailbox: Address) -> Mail:
    """Return the message that a mailbox sends in MIME. Raises Rejected."""
    try:
        content = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        raise Rejected(
            "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content."
        ) from None
    content = Newlines().convert(content, last=True)
    try:
        authors = read_authors(content)
    except ValueError:
        raise _send_as_denied() from None
    for author in authors:
        _check_author(author, mailbox)
    has_from = any(name.lower() == "from" for name, _ in read_contents(content).raw)
    try:
        letter = prepare(content if has_from else f"From: <{mailbox}>\r\n".encode() + content)
    except LocalProtocolError as error:
        raise no_recipients() if "no recipient" in str(error) else _unreadable() from None
    return replace(letter.envelope, sender=mailbox), letter.body.content


def read_json(body: bytes, mailbox: Address, now: datetime) -> Mail:
    """Return the message that a mailbox sends as JSON. Raises Rejected."""
    message = _read_message(body)
    if message.from_ is not None:
        _check_author(_parsed(message.from_.email_address.address), mailbox)
    for header in message.internet_message_headers:
        if not header.name.lower().startswith("x-"):
            raise Rejected(
                "InvalidInternetMessageHeader",
                f"The internet message header name '{header.name[:80]}' should start with 'x-' or "
                "'X-'.",
            )
    try:
        letter = read_message(_email(message, mailbox), mailbox, _RULES)
    except ApiError as error:
        if "address_invalid" in error.reason:
            raise no_recipients() from None
        raise Rejected("RequestBodyRead", str(error)) from None
    content = compose(letter, MessageStamp(new_guid(), now, "", secrets.token_hex(12)))
    recipients = tuple(map(Recipient, letter.recipients))
    return Envelope(mailbox, recipients), content


def _read_message(body: bytes) -> _Message:
    """Return the message of a request. The parameter names of an action may have any case."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
        by_name = {name.lower(): value for name, value in fields.items()}
        return msgspec.convert(by_name.get("message"), _Message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _unreadable() from None


def _email(message: _Message, mailbox: Address) -> acs.Email:
    """Return the same in the form of the e-mail API."""
    is_html = message.body.content_type.lower() == "html"
    text = message.body.content
    to, cc, bcc = [
        [each.for_acs for each in people]
        for people in (message.to_recipients, message.cc_recipients, message.bcc_recipients)
    ]
    return acs.Email(
        str(mailbox),
        acs.EmailContent(
            message.subject or "", None if is_html else text, text if is_html else None
        ),
        acs.Recipients(to, cc, bcc),
        [
            acs.EmailAttachment(
                each.name,
                each.content_type or "application/octet-stream",
                each.content_bytes,
                each.content_id,
            )
            for each in message.attachments
        ],
        [each.for_acs for each in message.reply_to],
        {each.name: each.value for each in message.internet_message_headers},
    )


def _parsed(text: str) -> Address | None:
    try:
        return parse_address(text.strip())
    except ValueError:
        return None


def _check_author(author: Address | None, mailbox: Address) -> None:
    if author is None or str(author).lower() != str(mailbox).lower():
        raise _send_as_denied()


def _send_as_denied() -> Rejected:
    return Rejected(
        "ErrorSendAsDenied",
        "The user account which was used to submit this request does not have the right to "
        "send mail on behalf of the specified sending account., Cannot submit message.",
        403,
    )


def no_recipients() -> Rejected:
    """Return the refusal of an invalid recipient, or of none at all."""
    return Rejected(
        "ErrorInvalidRecipients",
        "At least one recipient is not valid., All recipients must be resolved before a message "
        "can be submitted.",
    )


def _unreadable() -> Rejected:
    return Rejected("UnableToDeserializePostBody", UNREADABLE)
