"""Errors on the console's listener: answered in the form of the path, and reported."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepost.console.access.refusals import refuse
from gatepost.console.access.sentences import PageRefused, Sentence
from gatepost.model.operator_event import ReportEvent
from gatepost.relay.safe_error_text import explain


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Return the response for an HTTPException, such as 404 of a path without a route."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    message: str | Sentence = error.detail
    if isinstance(error, PageRefused):
        message = error.sentence
    elif error.status_code == 404 and message == "Not Found":
        message = Sentence("nothing_at", path=request.scope["path"])
    elif error.status_code == 405:
        message = Sentence("method", method=request.method)
    return refuse(request.scope, error.status_code, message, error.headers)


class FailureReports:
    """Middleware: whatever fails becomes 500, and an event without the request's content."""

    def __init__(self, app: ASGIApp, report: ReportEvent) -> None:
        self._app, self._report = app, report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for a handler that fails, or that a stop interrupts."""
        has_started = False

        async def sending(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            if not has_started:
                await refuse(scope, 503, Sentence("stopping"))(scope, receive, send)
            raise
        except Exception as error:
            route = scope.get("route")
            path = route.path if isinstance(route, Route) else "(unknown)"
            self._report(
                "api_failed",
                route=f"{scope['method']} {path}",
                error=type(error).__name__,
                reason=explain(error),
            )
            if has_started:
                raise  # the server cuts off incomplete responses
            await refuse(scope, 500, Sentence("failed"))(scope, receive, send)
