"""Inboxes and their messages over HTTP; showing a message does not mark it as read."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime

import msgspec
from starlette.responses import Response

from gatepost.errors import QueueError
from gatepost.mailbox.codes import OneTimeCode
from gatepost.mailbox.contents import ReadMessage
from gatepost.mailbox.mailbox import Inbox, Wanted
from gatepost.mailbox.message_documents import (
    CodeInMessage,
    mailbox_message,
    mailbox_message_in_full,
    part_in_tree,
)
from gatepost.mailbox.patterns import BadPattern, compile_pattern, find_pattern
from gatepost.model.operation_errors import NO_RELEASE
from gatepost.queue.mailbox_contract import ArrivedAfter, Term
from gatepost.rest.inboxes.call import InboxesCall, InboxesError, json
from gatepost.rest.inboxes.documents import (
    CodeList,
    InboxDocument,
    InboxList,
    MessageList,
    ReleaseRecipients,
)
from gatepost.rest.mailbox.message import find_part, part_response

_CURSOR = "m"


async def list_inboxes(call: InboxesCall) -> Response:
    """``GET /inboxes``."""
    mailbox = call.site.mailbox.mailbox
    everything, others = await mailbox.everything().count(), await mailbox.inboxes()
    inboxes = [
        InboxDocument(
            each.name if each.kind == "lane" else f"{each.kind}:{each.name}",
            each.kind,
            call.site.mailbox.application_name(each.name)
            if each.kind == "application"
            else each.name,
            each.count.messages,
            each.count.unread,
            _time(each.last_at),
        )
        for each in others
    ]
    newest = (await mailbox.everything().find(Wanted(limit=1))).page.entries
    last_at = _time(newest[0].received_at) if newest else None
    first = InboxDocument("all", "all", "all", everything.messages, everything.unread, last_at)
    return json(InboxList((first, *inboxes)))


async def list_messages(call: InboxesCall) -> Response:
    """``GET /messages``: of an inbox, and those that match a query."""
    inbox, limit = _inbox(call), call.limit
    terms = call.mail.terms_of(call.mail.parameter("query"))
    found = await inbox.find(Wanted(terms, limit=limit))
    total, page = found.page.matching, found.page
    if behind := _behind(call):
        page = (await inbox.find(Wanted(terms + behind, limit=limit))).page
    store = call.site.mailbox.mailbox.store
    messages = []
    for each in page.entries:
        try:
            messages.append(mailbox_message(each, await store.get(each.id)))
        except KeyError:  # deleted meanwhile
            continue
    is_last = page.matching.messages <= len(page.entries)
    cursor = None if is_last else f"{_CURSOR}{page.entries[-1].seq}"
    return json(
        MessageList(
            tuple(messages),
            total.messages,
            total.unread,
            cursor,
            msgspec.UNSET if found.page.counted_all else False,
            found.unlisted or msgspec.UNSET,
        )
    )


async def show_message(call: InboxesCall) -> Response:
    """``GET /messages/{id}``."""
    everything = call.site.mailbox.mailbox.everything()
    id_ = await call.mail.message_id()
    entry, read = await everything.entry(id_), await everything.read(id_)
    facts = call.site.mailbox.mailbox.facts_of(read.message)
    return json(await asyncio.to_thread(mailbox_message_in_full, entry, read, facts))


async def show_parts(call: InboxesCall) -> Response:
    """``GET /messages/{id}/parts``: the tree of parts."""
    read = await call.mail.inbox.read(await call.mail.message_id())
    root = await asyncio.to_thread(lambda: read.contents.root)
    if root is None:
        raise InboxesError(409, "Failed", "the message cannot be parsed: its parts nest too deeply")
    return json(part_in_tree(root))


async def show_part(call: InboxesCall) -> Response:
    """``GET /messages/{id}/parts/{part}``: the decoded octets."""
    read = await call.mail.inbox.read(await call.mail.message_id())
    part = await asyncio.to_thread(find_part, read, str(call.request.path_params["part"]))
    return part_response(part)


async def list_codes(call: InboxesCall) -> Response:
    """``GET /messages/{id}/codes``; with ``pattern``, what matches it."""
    read = await call.mail.inbox.read(await call.mail.message_id())
    expression = call.mail.parameter("pattern")
    if not expression:
        codes = await asyncio.to_thread(lambda: read.codes)
    else:
        try:
            pattern = compile_pattern(expression)
        except BadPattern as error:
            raise InboxesError(400, "BadRequest", f"pattern: {error}") from None
        codes = await asyncio.to_thread(_find, pattern, read)
    documents = [CodeInMessage(each.value, each.where, each.score, each.context) for each in codes]
    return json(CodeList(tuple(documents)))


async def release_message(call: InboxesCall) -> Response:
    """``POST /messages/{id}/release``: send it to other addresses."""
    release, wanted = call.site.mailbox.release, await call.read(ReleaseRecipients)
    if release is None:
        raise InboxesError(409, "NotConfigured", NO_RELEASE)
    try:
        return json(await release(str(call.request.path_params["id"]), wanted.to))
    except ValueError as error:
        raise InboxesError(400, "BadRequest", str(error)) from None
    except QueueError as error:
        raise InboxesError(409, "QueueError", str(error)) from None


def _find(pattern: re.Pattern[str], read: ReadMessage) -> Sequence[OneTimeCode]:
    subject = read.field("subject")
    return find_pattern(
        pattern, [("subject", subject), ("text", read.text), ("html", read.html_text.text)]
    )


def _inbox(call: InboxesCall) -> Inbox:
    name = call.mail.parameter("inbox")
    if not name:
        return call.site.mailbox.mailbox.everything()
    inbox = call.site.mailbox.inbox_of(name)
    if inbox is None:
        raise InboxesError(404, "NotFound", f"there is no inbox {name[:80]}")
    return inbox


def _behind(call: InboxesCall) -> tuple[Term, ...]:
    """Return the term for what comes behind a cursor: older messages."""
    cursor = call.mail.parameter("after")
    if not cursor:
        return ()
    number = cursor.removeprefix(_CURSOR)
    if not cursor.startswith(_CURSOR) or not (number.isascii() and number.isdecimal()):
        raise InboxesError(400, "BadRequest", "after is not a cursor of this list")
    return (Term(ArrivedAfter(min(int(number[:18]), 1 << 62) - 1), is_negated=True),)


def _time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
