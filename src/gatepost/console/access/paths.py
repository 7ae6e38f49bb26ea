"""The one path by which a request is routed and checked."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gatepost.model.console_access import API_PREFIX

_MAILBOX = ("/api/v1/", "/api/events", "/view/")
_LANES = "/inbox/"


def plain_path(path: str) -> str:
    """Return a decoded path without repeated slashes and dot segments (RFC 3986 5.2.4).

    Otherwise ``//api``, ``/api/./v1`` and ``/%61pi/v1`` would be routed as one path and checked as
    another.
    """
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    is_folder = bool(segments) and path.endswith(("/", "/.", "/.."))
    return f"/{'/'.join(segments)}{'/' if is_folder else ''}"


def is_mailbox_path(path: str) -> bool:
    """Tell whether a plain path belongs to the mailbox API, of the relay or of a lane."""
    return path.startswith((*_MAILBOX, _LANES))


def is_api_path(path: str) -> bool:
    """Tell whether a plain path is for programs, not for people."""
    return is_mailbox_path(path) or path.startswith(API_PREFIX)


class PlainPaths:
    """Middleware: everything behind it sees the plain path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its plain path.

        A name in a path may have an encoded slash, and dots; with both it would lead to something
        else than whoever encoded it asked for.
        """
        if b"%2f" in scope.get("raw_path", b"").lower() and ".." in scope["path"].split("/"):
            await PlainTextResponse("the path is ambiguous", 400)(scope, receive, send)
            return
        path = plain_path(scope["path"])
        changed: Mapping[str, Any] = {"path": path, "raw_path": quote(path).encode()}
        await self._app({**scope, **changed}, receive, send)
