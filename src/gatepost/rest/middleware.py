"""Middleware around every API: it answers for handlers that fail, and slows refused credentials."""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepost.model.operator_event import ReportEvent
from gatepost.policy.client_limits import LocalClientCounter
from gatepost.relay.safe_error_text import explain
from gatepost.rest.errors import internal_error, stopping

PATIENCE: Final = 60.0
"""Seconds for a body to arrive."""
DRAINED: Final = 64 * 1024 * 1024
"""Octets of a refused request that are read and dropped."""
OPERATION: Final = "gatepost.operation"
"""Where an API with its own routing stores the path of its operation, without any name in it."""


def report_failure(report: ReportEvent, request: Request, error: Exception) -> None:
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
                delay = self._clients.delay(address)
                await asyncio.sleep(delay if isinstance(delay, float) else await delay)
            await send(message)

        await self._app(scope, receive, sending)


class EarlyAnswers:
    """Middleware: a client that still sends the body of its request gets the response at once, and
    then has time to send the rest. A reset connection would discard the response.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read what is left of the body between the response and its end."""
        unread = _has_body(scope)

        async def receiving() -> Message:
            nonlocal unread
            message = await receive()
            unread = bool(message.get("more_body"))
            return message

        async def sending(message: Message) -> None:
            if unread and message["type"] == "http.response.body" and not message.get("more_body"):
                await send({**message, "more_body": True})
                await _drain(receive)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self._app(scope, receiving, sending)


def _has_body(scope: Scope) -> bool:
    """Tell whether the client sends a body without being asked (RFC 9110 10.1.1)."""
    names = {name for name, _ in scope["headers"]}
    return not names.isdisjoint((b"content-length", b"transfer-encoding")) and (
        b"expect" not in names
    )


async def _drain(receive: Receive) -> None:
    """Read the rest of a body, up to a limit."""
    size, more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while more and size <= DRAINED:
                message = await receive()
                size += len(message.get("body", b""))
                more = bool(message.get("more_body"))


class Guard:
    """Middleware around every handler: each request is answered in JSON, or cut off."""

    def __init__(self, app: ASGIApp, report: ReportEvent) -> None:
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
