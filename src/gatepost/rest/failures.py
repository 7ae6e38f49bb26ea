"""What nobody foresaw: told to the operator, answered as Azure answers, never shown."""

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepost.policy.client_counts import LocalClientCounter
from gatepost.relay.context import Report
from gatepost.relay.faults import explain
from gatepost.rest.errors import ApiError

OPERATION: Final = "gatepost.operation"
"""Where a face that routes by itself leaves the path of its operation, without any name in it."""


def internal_error() -> ApiError:
    """Azure's own words for it, which its libraries try again."""
    return ApiError(
        500,
        "InternalServerError",
        "The server encountered an internal error. Please retry the request.",
    )


def stopping() -> ApiError:
    """The relay stops; the clients try again by themselves."""
    return ApiError(
        503,
        "ServiceUnavailable",
        "The server is stopping. Please try again later.",
        headers={"retry-after": "5", "connection": "close"},
    )


async def busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in place of the application while there are too many connections."""
    refusal = ApiError(
        503,
        "ServerBusy",
        "The server is busy. Please try again later.",
        headers={"retry-after": "5", "connection": "close"},
    )
    await refusal.response()(scope, receive, send)


def report_failure(report: Report, request: Request, error: Exception) -> None:
    """Tell the operator which operation failed with what; nothing of the request's content."""
    report(
        "api_failed",
        route=f"{request.method} {shown_route(request.scope)}",
        error=type(error).__name__,
        reason=explain(error),
    )


def shown_route(scope: Scope) -> str:
    """Return the path as the documentation writes it: people paste secrets into paths, too."""
    route = scope.get("route")
    return scope.get(OPERATION) or (route.path if isinstance(route, Route) else "(unknown)")


class Delays:
    """Middleware: refused credentials are answered after a while, longer with each of an address,
    as a refused login over SMTP is."""

    def __init__(self, app: ASGIApp, clients: LocalClientCounter) -> None:
        self._app, self._clients = app, clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold back an answer 401."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                address, _ = scope.get("client") or ("", 0)
                await asyncio.sleep(self._clients.delay(address))
            await send(message)

        await self._app(scope, receive, sending)


class Guard:
    """Middleware around every handler: each request is answered in JSON, or cut off."""

    def __init__(self, app: ASGIApp, report: Report) -> None:
        self._app, self._report = app, report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for a handler that fails, and for one that a stop cuts short."""
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            return  # nobody is there to read an answer
        except asyncio.CancelledError:
            if not started:
                await stopping().response()(scope, receive, send)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            report_failure(self._report, Request(scope), error)
            if not started:  # else the server cuts off what is incomplete
                await internal_error().response()(scope, receive, send)
