"""``GET events``: what happens, as server-sent events (WHATWG HTML 9.2)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gatepost.model.console_access import USER, ConsoleUser
from gatepost.rest.console_api.event_bus import MAX_READERS, BusEvent, EventReader, TooManyReaders
from gatepost.rest.console_api.masking import mask
from gatepost.rest.console_api.site import ConsoleApiSite
from gatepost.rest.errors import ApiError

COMMENT_EVERY: Final = 15.0
"""Seconds without an event after which a comment shows that the connection works."""
_OF_MESSAGES: Final = frozenset({"message", "message_changed"})
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def stream_events(site: ConsoleApiSite, request: Request) -> Response:
    """Return the stream; ``types`` and ``inbox`` select, ``Last-Event-ID`` resumes. With ``every``,
    it only counts the events of so many seconds.

    Raises ApiError.
    """
    query = request.query_params
    names = [each for each in query.get("types", "").split(",") if each]
    after = request.headers.get("last-event-id") or query.get("after", "")
    try:
        every = _seconds(query.get("every", ""))
        reader = site.bus.open(names, after, counts=every > 0)
    except TooManyReaders:
        message = f"There are {MAX_READERS} streams of events already."
        raise ApiError(429, "TooManyStreams", message, headers={"retry-after": "5"}) from None
    user: ConsoleUser | None = request.scope.get(USER)
    is_masked = user is not None and user.role == "viewer"
    inbox = "" if every else query.get("inbox", "")
    stream = _stream(site, reader, inbox, every, is_masked=is_masked)
    return _ReadingResponse(reader, stream)


class _ReadingResponse(StreamingResponse):
    """Closes its reader at the end, even if nothing was sent."""

    def __init__(self, reader: EventReader, stream: AsyncIterator[bytes]) -> None:
        super().__init__(stream, headers=_HEADERS, media_type="text/event-stream")
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._reader.close()


async def _stream(
    site: ConsoleApiSite, reader: EventReader, inbox: str, every: float, *, is_masked: bool
) -> AsyncIterator[bytes]:
    yield b": connected\nretry: 1000\n\n"
    while True:
        events = await reader.read(COMMENT_EVERY)
        chunks = [
            _encode(each, is_masked=is_masked)
            for each in events
            if await _is_wanted(site, each, inbox)
        ]
        yield b"".join(chunks) or b": still connected\n\n"
        if every:
            await asyncio.sleep(every)


def _seconds(text: str) -> float:
    """Return the value of ``every``. Raises ApiError."""
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= COMMENT_EVERY:
        message = f"every is a number of seconds from 0 to {COMMENT_EVERY:.0f}."
        raise ApiError(400, "BadRequest", message)
    return seconds


async def _is_wanted(site: ConsoleApiSite, event: BusEvent, inbox: str) -> bool:
    """Tell whether an event is about an inbox; those that are not about a message always are."""
    if not inbox or event.name not in _OF_MESSAGES or "id" not in event.data:
        return True
    return await site.is_in_inbox(event.data["id"], inbox)


def _encode(event: BusEvent, *, is_masked: bool) -> bytes:
    data: Any = mask(event.data) if is_masked else event.data
    text = msgspec.json.encode(data, enc_hook=str)
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (event.cursor.encode(), event.name.encode(), text)
