"""One request to the API of inboxes, and how its refusals are answered."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatepost.errors import QueueError, Unreadable
from gatepost.rest.errors import ApiError
from gatepost.rest.inboxes.site import InboxesSite
from gatepost.rest.mailbox.handled_request import JSON_LIMIT, MailboxCall, MailboxError

T = TypeVar("T")
MOST: Final = 500
"""Objects in a page."""
PAGE: Final = 50


class InboxesError(Exception):
    """A refusal: a status, a code of ``docs/reference/json.md``, and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class InboxesCall:
    """A request."""

    def __init__(self, site: InboxesSite, request: Request) -> None:
        self.site, self.request = site, request
        self.mail = MailboxCall(site.mailbox, request)
        """The same for the mailbox."""

    @property
    def limit(self) -> int:
        """How many objects a page has. Raises InboxesError."""
        limit = self.mail.number("limit", PAGE if not self.mail.parameter("limit") else -1)
        if not 1 <= limit <= MOST:
            raise InboxesError(400, "BadRequest", f"limit is a number from 1 to {MOST}")
        return limit

    async def read(self, type: type[T]) -> T:
        """Return the JSON body; no body counts as an empty object. Raises InboxesError."""
        body = await self.site.mailbox.intake.read(self.request, JSON_LIMIT)
        try:
            return msgspec.json.decode(body or b"{}", type=type)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InboxesError(400, "BadRequest", str(error)) from None


def json(document: Any, status: int = 200) -> Response:
    """Return a response with JSON."""
    return Response(msgspec.json.encode(document), status, media_type="application/json")


InboxesHandler = Callable[[InboxesCall], Awaitable[Response]]


def answering(
    handler: InboxesHandler, site: InboxesSite
) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler for Starlette, which answers refusals in JSON."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(InboxesCall(site, request))
        except InboxesError as error:
            return _refusal(error.status, error.code, str(error))
        except MailboxError as error:
            code = "NotFound" if error.status == 404 else "BadRequest"
            return _refusal(error.status, code, str(error))
        except ApiError as error:
            return _refusal(error.status, "BadRequest", str(error))
        except KeyError as error:
            return _refusal(404, "NotFound", f"there is no {str(error.args[0])[:80]}")
        except (QueueError, Unreadable):
            return _refusal(503, "Failed", "the store is not available")

    return answer


def _refusal(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
