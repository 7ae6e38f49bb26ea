"""Asks Gatepost's own API in this process, over operations that a test chooses."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from gatepost.model.console_access import USER, ConsoleRole, ConsoleUser
from gatepost.rest.console_api.event_bus import EventBus
from gatepost.rest.console_api.face import console_api_face
from gatepost.rest.console_api.site import ConsoleApiSite

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass
class Api:
    """The API over one document, or an error, for every operation."""

    document: Any = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    bus: EventBus = field(default_factory=EventBus)
    role: ConsoleRole = "admin"
    inboxes: Mapping[str, str] = field(default_factory=dict)
    """The inbox of each message."""

    async def operate(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, fields))
        if isinstance(self.document, Exception):
            raise self.document
        return dict(self.document)

    async def _is_in(self, message: str, inbox: str) -> bool:
        return self.inboxes.get(message) == inbox

    def application(self) -> Starlette:
        site = ConsoleApiSite(self.operate, self.bus, is_in_inbox=self._is_in)
        return Starlette(
            routes=[
                Route(endpoint.path, handler, methods=[endpoint.method])
                for endpoint, handler in console_api_face(site)
            ]
        )

    def scope(self, method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        bare, _, query = path.partition("?")
        return {
            "type": "http",
            "method": method,
            "path": bare,
            "raw_path": bare.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
            USER: ConsoleUser("someone", self.role),
        }

    async def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = NOTHING
    ) -> tuple[int, Any]:
        """Return the status and the document of a response."""
        octets = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        status, received = 0, b""

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": octets, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status, received
            status = message.get("status", status)
            received += message.get("body", b"")

        await self.application()(self.scope(method, path, headers), receive, send)
        return status, json.loads(received or b"null")

    async def stream(
        self, path: str = "/events", headers: Mapping[str, str] = NOTHING
    ) -> AsyncIterator[str]:
        """Yield what a stream sends, piece by piece; it ends with the iteration."""
        pieces: asyncio.Queue[str] = asyncio.Queue()
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                await pieces.put(f"status {message['status']}")
            else:
                await pieces.put(message.get("body", b"").decode())

        running = asyncio.ensure_future(
            self.application()(self.scope("GET", path, headers), receive, send)
        )
        try:
            while True:
                yield await asyncio.wait_for(pieces.get(), 30)
        finally:
            gone.set()
            running.cancel()
            await asyncio.wait({running})
