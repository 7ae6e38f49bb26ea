"""The middleware behind which every request has one path only."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from gatepost.console.access.paths import plain_path
from gatepost.console.access.refusals import refuse
from gatepost.console.access.sentences import Sentence


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
            refused = {**scope, "path": plain_path(scope["path"])}
            await refuse(refused, 400, Sentence("ambiguous_path"))(scope, receive, send)
            return
        path = plain_path(scope["path"])
        changed: Mapping[str, Any] = {"path": path, "raw_path": quote(path).encode()}
        await self._app({**scope, **changed}, receive, send)
