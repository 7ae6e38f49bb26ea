"""``POST /api/v1/send``: a message from its parts, stored as captured mail."""

import asyncio
import base64
import binascii
import mimetypes
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.resource_ids import new_guid
from gatepost.errors import QueueError
from gatepost.mailbox.tags import clean_tags
from gatepost.mime.composed_fields import Mailbox as NamedMailbox
from gatepost.mime.composed_fields import is_field_text, mailbox_field, text_field
from gatepost.mime.composed_parts import Entity, File, file_entity, multipart, text_entity
from gatepost.mime.dates import format_date
from gatepost.mime.header_summary import read_summary
from gatepost.mime.received import Hop, received
from gatepost.model.address import parse_typed_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.rest.errors import ApiError
from gatepost.rest.mailbox.handled_request import MailboxCall

_RESERVED: Final = frozenset({
    "to", "from", "cc", "bcc", "reply-to", "date", "subject", "content-type", "mime-version",
    "x-tags", "content-transfer-encoding",
})  # fmt: skip
"""Fields that are made of the rest of the document."""
_MOST_RECIPIENTS: Final = 1_000
_NAME: Final = re.compile(r"[!-9;-~]{1,76}", re.ASCII)
_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w-]+=[\w.-]+)*", re.ASCII)
_TYPES: Final = mimetypes.MimeTypes()
"""Those of Python, whatever this machine has."""
_DATA: Final = re.compile(r"data:[^,]{0,200},")


class SentAddress(msgspec.Struct, frozen=True, rename="pascal"):
    """An address, and a name."""

    email: str
    name: str = ""


class SentAttachment(msgspec.Struct, frozen=True, rename="pascal"):
    """A file in Base64; before it may stand ``data:TYPE;base64,``."""

    content: str
    filename: str
    content_type: str = ""
    content_id: str = msgspec.field(name="ContentID", default="")
    """With it the file is inline."""


class MessageToSend(msgspec.Struct, frozen=True, rename="pascal"):
    """A message to store."""

    from_: SentAddress = msgspec.field(name="From")
    to: Sequence[SentAddress] | None = None
    cc: Sequence[SentAddress] | None = None
    reply_to: Sequence[SentAddress] | None = None
    bcc: Sequence[str] | None = None
    subject: str = ""
    text: str = ""
    html: str = msgspec.field(name="HTML", default="")
    tags: Sequence[str] | None = None
    headers: Mapping[str, str] | None = None
    attachments: Sequence[SentAttachment] | None = None


class SentId(msgspec.Struct, frozen=True):
    """The id of the stored message."""

    id: str = msgspec.field(name="ID")


async def send(call: MailboxCall) -> Response:
    """``POST /api/v1/send``. Its refusals are JSON, unlike all others."""
    limit = call.site.message_size()
    try:
        body = await call.body(limit * 2)
        # A thread, because a message of many megabytes takes long.
        sent, content, envelope = await asyncio.to_thread(_compose, body, call)
        if len(content) > limit:
            return _refusal(413, f"the message has more than {limit} octets")
    except ApiError as error:
        return _refusal(error.status, str(error))
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        return _refusal(400, str(error))
    id_ = call.site.next_id()
    now = call.site.now()
    client = call.request.client
    hop = Hop("", client.host if client else "", "HTTP", call.site.host)
    submission = Submission(
        id=id_,
        envelope=envelope,
        body=BytesBody(content),
        trace=received(hop, id_, format_date(now.replace(microsecond=0))),
        received_at=now,
        principal=_basic_user(call),
        subject=sent.subject,
        message_id=read_summary(content).message_id,
    )
    try:
        await call.site.put(submission, call.lane)
    except QueueError as error:
        return _refusal(400, str(error))
    return call.json(SentId(id_))


def _compose(document: bytes, call: MailboxCall) -> tuple[MessageToSend, bytes, Envelope]:
    """Return what is sent, the content and the envelope. Raises ValueError, RecursionError."""
    sent = msgspec.json.decode(document, type=MessageToSend)
    sender = _mailbox(sent.from_)
    people = {
        "To": [_mailbox(each) for each in sent.to or ()],
        "Cc": [_mailbox(each) for each in sent.cc or ()],
        "Reply-To": [_mailbox(each) for each in sent.reply_to or ()],
    }
    hidden = [parse_typed_address(each) for each in sent.bcc or ()]
    recipients = [address for name in ("To", "Cc") for _, address in people[name]] + hidden
    if not recipients:
        raise ValueError("the message has no recipient")
    if len(recipients) > _MOST_RECIPIENTS:
        raise ValueError(f"the message has more than {_MOST_RECIPIENTS} recipients")
    body = _structure(sent)
    tags = ", ".join(clean_tags(sent.tags or ()))
    fields = [
        mailbox_field("From", [sender]),
        *(mailbox_field(name, some) for name, some in people.items() if some),
        text_field("Subject", sent.subject),
        f"Date: {format_date(call.site.now().replace(microsecond=0))}\r\n".encode(),
        *_own_fields(sent.headers or {}),
        text_field("X-Tags", tags) if tags else b"",
    ]
    if not any(name.lower() == "message-id" for name in sent.headers or {}):
        fields.append(f"Message-ID: <{new_guid()}@{sender[1].domain.lower()}>\r\n".encode())
    content = b"".join([*fields, b"MIME-Version: 1.0\r\n", body.fields, b"\r\n", *body.pieces])
    unique = dict.fromkeys(recipients)
    return sent, content + b"\r\n", Envelope(sender[1], tuple(map(Recipient, unique)))


def _structure(sent: MessageToSend) -> Entity:
    boundary = secrets.token_hex(12)
    files = [_file(each) for each in sent.attachments or ()]
    inline = [each for each in files if each.content_id]
    attached = [each for each in files if not each.content_id]
    parts = [text_entity("plain", sent.text)] if sent.text or not sent.html else []
    if sent.html:
        html = [text_entity("html", sent.html), *map(file_entity, inline)]
        parts.append(multipart("related", html, f"=_r{boundary}"))
    body = multipart("alternative", parts, f"=_a{boundary}")
    rest = attached if sent.html else files
    return multipart("mixed", [body, *map(file_entity, rest)], f"=_m{boundary}")


def _file(sent: SentAttachment) -> File:
    text = (
        _DATA.sub("", sent.content, count=1) if sent.content.startswith("data:") else sent.content
    )
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"the content of {sent.filename[:80]} is not Base64") from None
    guessed, _ = _TYPES.guess_type(sent.filename)
    type_ = sent.content_type or guessed or "application/octet-stream"
    if not _TYPE.fullmatch(type_):
        raise ValueError(f"{type_[:80]} is no content type")
    return File(sent.filename, type_, content, sent.content_id)


def _own_fields(headers: Mapping[str, str]) -> Sequence[bytes]:
    for name in headers:
        if name.lower() in _RESERVED or not _NAME.fullmatch(name):
            raise ValueError(f"the header {name[:80]} may not be set")
    return [text_field(name, value) for name, value in headers.items()]


def _mailbox(sent: SentAddress) -> NamedMailbox:
    if not is_field_text(sent.name):
        raise ValueError(f"the name of {sent.email[:80]} has characters that no name has")
    return sent.name, parse_typed_address(sent.email)


def _basic_user(call: MailboxCall) -> str:
    scheme, _, value = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        name = base64.b64decode(value, validate=True).decode().partition(":")[0]
    except ValueError:
        return ""
    return name if is_field_text(name) else ""


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"Error": message}, status)
