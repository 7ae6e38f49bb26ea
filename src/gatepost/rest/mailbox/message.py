"""One message: its document, header, octets and parts."""

import asyncio
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from gatepost.mailbox.contents import (
    ReadMessage,
    attachment_document,
    code_document,
    header_document,
    link_document,
)
from gatepost.mailbox.entries import MessageFacts
from gatepost.mailbox.mailbox import with_ids
from gatepost.mailbox.mailpit_documents import (
    EnvelopeDocument,
    MessageDocument,
    OutcomeDocument,
    timestamp,
)
from gatepost.mime.decoded_fields import readable
from gatepost.mime.part_tree import Part
from gatepost.model.operation_errors import NO_RELEASE
from gatepost.queue.mailbox_contract import ListedEntry
from gatepost.rest.mailbox.bodies import read_selected
from gatepost.rest.mailbox.handled_request import MailboxCall, MailboxError, ok

_ACTIVE: Final = re.compile(
    r"text/html|.*(?:xml|xsl|svg|javascript|ecmascript)|application/pdf|multipart/.*"
)
"""Content types that may act in a browser."""
_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_CIPHER: Final = re.compile(rb" tls ([A-Za-z0-9_-]+);")
_INERT: Final[Mapping[str, str]] = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
}


async def show_message(call: MailboxCall) -> Response:
    """``GET /api/v1/message/{id}``: also marks it as read."""
    id_ = await call.message_id()
    entry, read = await call.inbox.entry(id_), await call.inbox.read(id_)
    trace = await call.site.mailbox.store.trace(id_)
    facts = call.site.mailbox.facts_of(read.message)
    document = await asyncio.to_thread(_message_document, entry, read, trace, facts)
    if not entry.is_read:
        await call.inbox.mark((with_ids([id_]),), is_read=True)
    return call.json(document)


async def show_headers(call: MailboxCall) -> Response:
    """``GET /api/v1/message/{id}/headers``."""
    read = await call.inbox.read(await call.message_id())
    raw = await asyncio.to_thread(lambda: read.contents.raw)
    return call.json(header_document(raw))


async def show_source(call: MailboxCall) -> Response:
    """``GET /api/v1/message/{id}/raw``: the stored octets; ``trace=0``: the client's."""
    id_ = await call.message_id()
    read = await call.inbox.read(id_)
    with_trace = call.parameter("trace") != "0"
    trace = await call.site.mailbox.store.trace(id_) if with_trace else b""
    headers = dict(_INERT)
    if call.parameter("dl") == "1":
        headers["content-disposition"] = f'attachment; filename="{quote(id_)}.eml"'
    return Response(trace + read.content, headers=headers, media_type="text/plain; charset=utf-8")


async def show_part(call: MailboxCall) -> Response:
    """``GET /api/v1/message/{id}/part/{part}``: the decoded octets."""
    read = await call.inbox.read(await call.message_id())
    part = await asyncio.to_thread(find_part, read, str(call.request.path_params["part"]))
    return part_response(part)


def find_part(read: ReadMessage, id_: str) -> Part:
    """Return a part with content by its id. Raises KeyError."""
    for part in read.contents.root.leaves() if read.contents.root else ():
        if part.id == id_:
            return part
    raise KeyError(id_)


def part_response(part: Part) -> Response:
    """Return the octets of a part; what may act in a browser is a file for it."""
    type_ = part.content_type if _TYPE.fullmatch(part.content_type) else "application/octet-stream"
    is_active = _ACTIVE.fullmatch(type_) is not None
    name = part.filename or ("part" if is_active else "")
    kind = "attachment" if is_active else "inline"
    disposition = f"{kind}; filename*=UTF-8''{quote(name, safe='')}" if name else kind
    if part.charset and type_.startswith("text/") and _TYPE.fullmatch(f"a/{part.charset}"):
        type_ += f"; charset={part.charset}"
    headers = {**_INERT, "content-disposition": disposition, "content-type": type_}
    return Response(part.content, headers=headers)


async def show_thumbnail(_call: MailboxCall) -> Response:
    """``GET /api/v1/message/{id}/part/{part}/thumb``: not offered."""
    raise MailboxError(400, "thumbnails are not offered: fetch the part itself")


async def release(call: MailboxCall) -> Response:
    """``POST /api/v1/message/{id}/release``: send the message to other addresses."""
    id_ = str(call.request.path_params["id"])
    if call.site.release is None:
        raise MailboxError(400, NO_RELEASE)
    await call.inbox.entry(id_)
    selected = await read_selected(call)
    if not selected.to:
        raise MailboxError(400, "no recipients")
    try:
        await call.site.release(id_, selected.to)
    except ValueError as error:
        raise MailboxError(400, str(error)) from None
    return ok()


async def refuse_check(call: MailboxCall) -> Response:
    """Mailpit's checks of links, HTML and spam: not offered."""
    name = call.request.url.path.rpartition("/")[2]
    raise MailboxError(400, f"{name} is not offered: it would fetch what strangers' mail names")


def _message_document(
    entry: ListedEntry, read: ReadMessage, trace: bytes, facts: MessageFacts
) -> MessageDocument:
    message = read.message
    inline, attached = read.files
    cipher = _CIPHER.search(trace)
    return MessageDocument(
        id=message.id,
        message_id=read.message_id,
        read=True,
        from_=read.sender,
        to=read.addresses("to"),
        cc=read.addresses("cc"),
        bcc=read.bcc,
        reply_to=read.addresses("reply-to"),
        return_path=readable(message.mail_from),
        subject=read.field("subject"),
        list_unsubscribe=read.list_unsubscribe,
        date=timestamp(read.date),
        tags=entry.tags,
        username=readable(message.principal),
        text=read.text,
        html=read.html,
        size=entry.size,
        inline=tuple(map(attachment_document, inline)),
        attachments=tuple(map(attachment_document, attached)),
        codes=tuple(map(code_document, read.codes)),
        links=tuple(map(link_document, read.links)),
        application=facts.application,
        inbox=entry.lane,
        session=facts.session,
        injected=facts.injected,
        envelope=EnvelopeDocument(
            from_=readable(message.mail_from), to=tuple(map(readable, message.rcpt_to))
        ),
        tls=cipher[1].decode() if cipher else "",
        outcome=tuple([OutcomeDocument(*each) for each in facts.outcomes]),
    )
