"""Lists of messages: all of an inbox, or those that a query matches."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, cast

import msgspec
from starlette.responses import Response

from gatepost.mailbox.dates import read_date
from gatepost.mailbox.entries import listed_message
from gatepost.mailbox.mailbox import Wanted, received_before, with_ids
from gatepost.mailbox.mailpit_documents import ListedMessage, ListedMessages
from gatepost.queue.mailbox_contract import ListedEntry, Terms
from gatepost.rest.mailbox.bodies import read_selected
from gatepost.rest.mailbox.handled_request import MailboxCall, MailboxError, ok

PAGE = 50
SLICE: Final = 500
"""Messages that are listed at a time."""


async def list_messages(call: MailboxCall) -> Response:
    """``GET /api/v1/messages``."""
    limit = call.number("limit", PAGE)
    return await _list(call, (), limit or None)


async def search(call: MailboxCall) -> Response:
    """``GET /api/v1/search``."""
    return await _list(call, call.terms_of(_query(call)), call.number("limit", PAGE))


async def mark(call: MailboxCall) -> Response:
    """``PUT /api/v1/messages``: mark as read or unread."""
    selected = await read_selected(call)
    if selected.ids and selected.search:
        raise MailboxError(400, "IDs and Search cannot be used together")
    terms: Terms = ()
    if selected.ids:
        terms = (with_ids(selected.ids),)
    elif selected.search:
        terms = _whole_query(call, selected.search)
    await call.inbox.mark(terms, is_read=bool(selected.read))
    return ok()


async def delete(call: MailboxCall) -> Response:
    """``DELETE /api/v1/messages``: those in the body, or all."""
    selected = await read_selected(call, may_be_empty=True)
    await call.inbox.delete((with_ids(selected.ids),) if selected.ids else ())
    return ok()


async def delete_search(call: MailboxCall) -> Response:
    """``DELETE /api/v1/search``."""
    await call.inbox.delete(_whole_query(call, _query(call)))
    return ok()


def _whole_query(call: MailboxCall, text: str) -> Terms:
    """Return the terms of a query that selects what is changed: all of it must mean something."""
    terms = call.terms_of(text)
    if call.ignored:
        names = ", ".join(call.ignored)
        raise MailboxError(400, f"nothing was changed, because these terms mean nothing: {names}")
    if not terms:
        raise MailboxError(400, "nothing was changed, because the query has no terms")
    return terms


def _query(call: MailboxCall) -> str:
    text = call.parameter("query").strip()
    if not text:
        raise MailboxError(400, "no search query")
    return text


async def _list(call: MailboxCall, terms: Terms, limit: int | None) -> Response:
    terms += call.after()
    if text := call.parameter("before"):
        with suppress(ValueError):
            terms += (received_before(read_date(text, call.zone)),)
    wanted = Wanted(
        terms, call.number("start", 0), limit, call.seconds, max(1, call.number("min", 1))
    )
    found = await call.unless_gone(call.inbox.find(wanted))
    page, inbox = found.page, found.inbox
    return call.json(
        ListedMessages(
            total=inbox.messages,
            unread=inbox.unread,
            count=len(page.entries),
            messages_count=page.matching.messages,
            messages_unread=page.matching.unread,
            start=wanted.start,
            tags=tuple(await call.inbox.tags()),
            messages=await _listed(page.entries),
            cursor=found.cursor,
            timed_out=True if found.has_timed_out else msgspec.UNSET,
            counted_all=msgspec.UNSET if page.counted_all else False,
            unlisted=found.unlisted or msgspec.UNSET,
        )
    )


async def _listed(entries: Sequence[ListedEntry]) -> tuple[ListedMessage, ...]:
    """Return what is listed of entries, ready to be encoded. They may be all that there are: then
    others take their turns in between."""
    messages: list[msgspec.Raw] = []
    for start in range(0, len(entries), SLICE):
        if start:
            await asyncio.sleep(0)
        part = entries[start : start + SLICE]
        messages += [msgspec.Raw(msgspec.json.encode(listed_message(each))) for each in part]
    return cast("tuple[ListedMessage, ...]", tuple(messages))
