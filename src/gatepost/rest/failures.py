"""Unexpected errors: reported to the operator, answered as in Azure, not shown to clients."""

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
"""Where an API with its own routing stores the path of its operation, without any name in it."""


def internal_error() -> ApiError:
    """Return Azure's own text for it; Azure's libraries then retry."""
    return ApiError(
        500,
        "InternalServerError",
        "The server encountered an internal error. Please retry the request.",
    )


def stopping() -> ApiError:
    """Return the response of a relay that stops; clients retry."""
    return ApiError(
        503,
        "ServiceUnavailable",
        "The server is stopping. Please try again later.",
        headers={"retry-after": "5", "connection": "close"},
    )


async def busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer instead of the application while there are too many connections."""
    refusal = ApiError(
        503,
        "ServerBusy",
        "The server is busy. Please try again later.",
        headers={"retry-after": "5", "connection": "close"},
    )
    await refusal.response()(scope, receive, send)


def report_failure(report: Report, request: Request, error: Exception) -> None:
    """Report to the operator which operation failed, and why, without the request's content."""
    report(
        "api_failed",
        route=f"{request.method} {shown_route(request.scope)}",
        error=type(error).__name__,
        reason=explain(error),
    )


def shown_route(scope: Scope) -> str:
    """Return the path as in the documentation, because people paste secrets into paths, too."""
    route = scope.get("route")
    return scope.get(OPERATION) or (route.path if isinstance(route, Route) else "(unknown)")


class Delays:
    """Middleware: refused credentials are answered after a delay that grows with each refusal of an
    address, as with a refused login over SMTP."""

    def __init__(self, app: ASGIApp, clients: LocalClientCounter) -> None:
        self._app, self._clients = app, clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Delay a response 401."""

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
        """Answer for a handler that fails, or that a stop interrupts."""
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
            if not started:  # otherwise the server cuts off incomplete requests
                await internal_error().response()(scope, receive, send)
