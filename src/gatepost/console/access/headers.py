"""Headers: those of requests, and those that make responses safe in a browser."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; require-trusted-types-for 'script'"
)
"""The Content-Security-Policy of a response without its own."""
_DEFAULTS: Final = (
    (b"content-security-policy", PAGE_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # not "no-referrer", with which browsers send forms with the origin "null"
    (b"referrer-policy", b"same-origin"),
)


def header_of(scope: Scope, name: bytes) -> str:
    """Return the value of a request's header; empty if it is missing, or not the only one."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1").strip() if len(values) == 1 else ""


def has_header(scope: Scope, name: bytes) -> bool:
    """Tell whether a request has a header."""
    return any(key == name for key, _ in scope["headers"])


class SafeHeaders:
    """Middleware: adds to each response the headers that it lacks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response with all headers."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = [each for each in _DEFAULTS if each[0] not in present]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, sending)
