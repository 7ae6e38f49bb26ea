"""Responses whose header and body are there together go out in one piece.

uvicorn writes header, body and end separately, each a TLS record and a system call, and h11 checks
every field. For a small response that is more than everything else that is done for its request.
"""

from http import HTTPStatus
from typing import Any, Final

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_EMPTY: Final = h11.Response(status_code=200, headers=[("content-length", "0")])
_END: Final = h11.EndOfMessage()
"""What h11 is told instead: only its state counts."""
_LINES: Final = {
    each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus
}
_WITHOUT_BODY: Final = (204, 304)
_MOST: Final = 65_536
"""Octets of a body that is worth a copy."""


class WholeResponses:
    """An ASGI application around that of a connection."""

    def __init__(self, app: ASGIApp, connection: H11Protocol) -> None:
        self._app, self._connection = app, connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the header of a response with a length until its body comes."""
        held: Message | None = None

        async def sending(message: Message) -> None:
            nonlocal held
            if held is None:
                if message["type"] == "http.response.start" and _has_length(message):
                    held = message
                else:
                    await send(message)
                return
            start, held = held, None
            if not self._try_write(scope, start, message):
                await send(start)
                await send(message)

        await self._app(scope, receive, sending)

    def _try_write(self, scope: Scope, start: Message, message: Message) -> bool:
        """Write a complete response, unless there is anything special about it."""
        connection, status = self._connection, int(start["status"])
        cycle, state = connection.cycle, connection.conn
        body = message.get("body", b"")
        fields = [*cycle.default_headers, *start["headers"]]
        if (
            message.get("more_body")
            or len(body) > _MOST
            or connection.flow.write_paused
            or cycle.disconnected
            or cycle.response_started
            or not cycle.keep_alive
            or state.our_state is not h11.SEND_RESPONSE
            or state.their_state is not h11.DONE
            or scope["method"] == "HEAD"
            or scope["http_version"] != "1.1"
            or status in _WITHOUT_BODY
            or status not in _LINES
            or any(name == b"connection" for name, _ in scope["headers"])
            or (b"content-length", b"%d" % len(body)) not in fields
        ):
            return False
        head = b"\r\n".join([b"%s: %s" % (name, value) for name, value in fields])
        if head.count(b"\n") != len(fields) - 1:  # a line end in a field
            return False
        connection.transport.write(b"%s%s\r\n\r\n%s" % (_LINES[status], head, body))
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        state.send(_EMPTY)
        state.send(_END)
        cycle.on_response()
        return True


def _has_length(message: Any) -> bool:
    return any(name == b"content-length" for name, _ in message.get("headers", ()))
