"""One request to the mailbox API, and what its handlers answer."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, tzinfo
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from gatepost.errors import QueueError, Unreadable
from gatepost.mailbox.mailbox import BadCursor, Inbox, Wanted
from gatepost.mailbox.query import BadQuery, Query
from gatepost.mailbox.waiting import TooManyWaiters
from gatepost.queue.mailbox_contract import Terms
from gatepost.rest.errors import ApiError
from gatepost.rest.mailbox.site import MailboxSite

T = TypeVar("T")
JSON_LIMIT: Final = 5 * 1024 * 1024
"""Octets of a JSON body."""
LONGEST_WAIT: Final = 60.0
IGNORED: Final = "gatepost-ignored"
"""The header that names the terms of a query that mean nothing."""
LATEST: Final = "latest"


class MailboxError(Exception):
    """A refusal: a status, and a line of text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class MailboxCall:
    """A request, with its inbox."""

    def __init__(self, site: MailboxSite, request: Request) -> None:
        """Raises MailboxError if there is no such inbox."""
        self.site, self.request = site, request
        self.lane: str = request.path_params.get("inbox", "")
        inbox = site.inbox_of(self.lane) if self.lane else site.mailbox.everything()
        if inbox is None:
            raise MailboxError(404, f"there is no inbox {self.lane[:80]}")
        self.inbox: Inbox = inbox
        self.ignored: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The path of this inbox, before ``/api`` and ``/view``."""
        return f"/inbox/{self.lane}" if self.lane else ""

    def parameter(self, name: str) -> str:
        """Return a parameter of the query string; empty if it is missing."""
        return self.request.query_params.get(name, "")

    def number(self, name: str, otherwise: int) -> int:
        """Return a number from 0 on of the query string; what is none counts as missing."""
        text = self.parameter(name)
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise

    @property
    def zone(self) -> tzinfo:
        """The client's time zone; UTC if it is unknown."""
        try:
            return ZoneInfo(self.parameter("tz") or "UTC")
        except (ValueError, OSError, KeyError):
            return UTC

    def terms_of(self, text: str) -> Terms:
        """Return the terms of a query, and note what is ignored of it. Raises MailboxError."""
        try:
            query: Query = self.inbox.read_query(text, self.zone)
        except BadQuery as error:
            raise MailboxError(400, str(error)) from None
        self.ignored += query.ignored
        return query.terms

    def after(self) -> Terms:
        """Return the term of ``after``. Raises MailboxError."""
        cursor = self.parameter("after")
        try:
            return (self.inbox.after(cursor),) if cursor else ()
        except BadCursor as error:
            raise MailboxError(400, str(error)) from None

    @property
    def seconds(self) -> float:
        """How long the request waits. Raises MailboxError."""
        text = self.parameter("wait")
        try:
            seconds = float(text or 0)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= LONGEST_WAIT:
            raise MailboxError(400, f"wait is a number of seconds from 0 to {LONGEST_WAIT:.0f}")
        return seconds

    async def message_id(self) -> str:
        """Return the id in the path; of ``latest`` that of the newest match. Raises KeyError."""
        id_ = str(self.request.path_params["id"])
        if id_ != LATEST:
            await self.inbox.entry(id_)
            return id_
        wanted = Wanted(
            self.terms_of(self.parameter("query")) + self.after(),
            seconds=self.seconds,
            at_least=max(1, self.number("min", 1)),
        )
        return (await self.unless_gone(self.inbox.newest(wanted))).id

    async def body(self, limit: int = JSON_LIMIT) -> bytes:
        """Return the body. Raises ApiError, ClientDisconnect."""
        return await self.site.intake.read(self.request, limit)

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """Return a result that may take long; the work ends if the client leaves.

        Raises ClientDisconnect.
        """
        working = asyncio.ensure_future(work)
        leaving = asyncio.ensure_future(_wait_for_disconnect(self.request))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise ClientDisconnect
            return working.result()
        finally:
            working.cancel()
            leaving.cancel()

    def json(self, document: Any, status: int = 200) -> Response:
        """Return a response with JSON."""
        headers = {}
        if self.ignored:
            shown = ", ".join(self.ignored)[:1_000].encode("ascii", "backslashreplace").decode()
            headers[IGNORED] = "".join(each if each.isprintable() else "?" for each in shown)
        content = msgspec.json.encode(document)
        return Response(content, status, headers, media_type="application/json")


def ok() -> Response:
    """Return the response to a change."""
    return PlainTextResponse("ok")


MailboxHandler = Callable[[MailboxCall], Awaitable[Response]]


def answering(
    handler: MailboxHandler, site: MailboxSite
) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler for Starlette, which answers refusals as Mailpit does."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(MailboxCall(site, request))
        except MailboxError as error:
            return _refusal(error.status, str(error))
        except ApiError as error:
            return _refusal(error.status, str(error))
        except KeyError:
            return _refusal(404, "Message not found")
        except TooManyWaiters:
            message = "too many requests wait for mail"
            return PlainTextResponse(f"{message}\n", 503, {"retry-after": "1"})
        except (QueueError, Unreadable):
            return _refusal(503, "the store is not available")

    return answer


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refusal(status: int, message: str) -> Response:
    return PlainTextResponse(f"{message}\n", status)
