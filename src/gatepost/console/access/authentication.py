"""Finds out who sends a request, and ends the streams of those who are signed out."""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepost.console.access.gate import OPEN_USER, Gate
from gatepost.console.access.headers import has_header, header_of
from gatepost.console.access.logins import ConsoleLogin
from gatepost.console.access.paths import is_mailbox_path
from gatepost.console.access.refusals import refuse
from gatepost.console.access.sentences import Sentence
from gatepost.model.console_access import USER, ConsoleUser

LOGIN: Final = "gatepost.login"
"""The key of the scope under which the ConsoleLogin of a request is; None without a cookie."""


class UserCheck:
    """Middleware: puts the user of a request, and the login, into the scope."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its user, None if there is none; refuse wrong credentials."""
        gate, login = self._gate, None
        is_open = not gate.settings.needs_token and is_mailbox_path(scope["path"])
        user = OPEN_USER if is_open else None
        by_proxy = self._user_of_proxy(scope)
        # A proxy that asks for a password itself passes it on.
        if by_proxy is None and has_header(scope, b"authorization"):
            presented = await self._user_of_header(scope)
            if isinstance(presented, ConsoleUser):
                user = presented
            elif not is_open:
                await presented(scope, receive, send)
                return
        elif (login := self._login(scope)) is not None:
            user = login.user
        else:
            user = by_proxy or user
        await self._app({**scope, USER: user, LOGIN: login}, receive, send)

    async def _user_of_header(self, scope: Scope) -> ConsoleUser | ASGIApp:
        """Return the user, or the refusal."""
        gate, (address, _) = self._gate, scope.get("client") or ("", 0)
        value = header_of(scope, b"authorization")
        pause = gate.throttle.pause(address)
        if pause and not gate.is_token(value.rpartition(" ")[2]):
            return refuse(scope, 429, Sentence("too_many"), {"retry-after": str(int(pause) + 1)})
        user = await gate.user_of_authorization(value)
        if user is not None:
            return user
        if gate.settings.needs_token or not is_mailbox_path(scope["path"]):
            gate.throttle.fail(address)
        return refuse(scope, 401, Sentence("wrong_token"))

    def _login(self, scope: Scope) -> ConsoleLogin | None:
        secret = cookie_of(scope, self._gate.cookie)
        return self._gate.logins.find(secret) if secret else None

    def _user_of_proxy(self, scope: Scope) -> ConsoleUser | None:
        name = self._gate.settings.user_header
        if not name or "gatepost.proxy" not in scope:
            return None
        return self._gate.user_of_proxy(header_of(scope, name.lower().encode()))


def cookie_of(scope: Scope, name: str) -> str:
    """Return the value of a request's cookie; empty if there is none."""
    for key, value in scope["headers"]:
        if key == b"cookie":
            for each in value.decode("latin-1").split(";"):
                cookie, _, secret = each.partition("=")
                if cookie.strip() == name:
                    return str(secret.strip())
    return ""


class EndingStreams:
    """Middleware: event streams end when the login ends, and when the server stops."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._ends: set[Callable[[], object]] = set()

    def end_all(self) -> None:
        """End every stream, because otherwise the server waits for them."""
        for each in list(self._ends):
            each()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; if its response is a stream of events, end it when necessary."""
        login: ConsoleLogin | None = scope.get(LOGIN)
        task, is_ended = asyncio.current_task(), False
        assert task is not None  # noqa: S101 - a request is a task

        def end() -> None:
            nonlocal is_ended
            is_ended = True
            task.cancel()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_stream(message):
                self._ends.add(end)
                if login is not None:
                    login.on_end.add(end)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except asyncio.CancelledError:
            if not is_ended:
                raise
            task.uncancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._ends.discard(end)
            if login is not None:
                login.on_end.discard(end)


def _is_stream(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message["headers"]
    )
