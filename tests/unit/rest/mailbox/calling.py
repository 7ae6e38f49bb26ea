"""Calls the mailbox API in this process, over a mailbox in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.routing import Route

from gatepost.mailbox.entries import MessageFacts
from gatepost.mailbox.mailbox import Inbox
from gatepost.model.message import Submission
from gatepost.rest.mailbox import MAILBOX_PREFIXES, MailboxSite, mailbox_face
from gatepost.rest.mailbox.site import ServerNumbers
from gatepost.rest.request_bodies import Intake
from tests.unit.mailbox.world import NOON, World, world


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Api:
    """The API over a mailbox in memory, with the lanes ``one`` and ``two``."""

    def __init__(self, made: World) -> None:
        self.world, self.put = made, made.put
        self.site = MailboxSite(
            mailbox=made.mailbox,
            intake=Intake(),
            inbox_of=self._inbox_of,
            put=self._put,
            next_id=lambda: "sent-1",
            now=lambda: NOON,
            host="relay.example",
            message_size=lambda: 100_000,
            numbers=lambda: ServerNumbers("0.1.0", "/data", 4096, 7, 1000),
        )

    def use(self, **parts: Any) -> None:
        """Replace parts of the site."""
        self.site = replace(self.site, **parts)

    async def _put(self, submission: Submission, inbox: str) -> None:
        self.world.facts[submission.id] = MessageFacts(lane=inbox)
        await self.world.store.put(submission)

    def _inbox_of(self, name: str) -> Inbox | None:
        return self.world.mailbox.inbox("lane", name) if name in ("one", "two") else None

    def application(self) -> Starlette:
        routes = [
            Route(f"{prefix}{endpoint.path}", handler, methods=[endpoint.method])
            for prefix in MAILBOX_PREFIXES
            for endpoint, handler in mailbox_face(self.site)
        ]
        return Starlette(routes=routes)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        leaves: asyncio.Event | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """Make a request; ``body`` is sent as JSON unless it is octets.

        The client disconnects when ``leaves`` is set.
        """
        octets = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        plain, _, query = path.partition("?")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        messages = [{"type": "http.request", "body": octets, "more_body": False}]
        received: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await (leaves or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            received.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": plain, "raw_path": quote(plain).encode(), "root_path": "",
            "query_string": query.encode(), "server": ("127.0.0.1", 8025),
            "client": ("127.0.0.1", 50_000),
            "headers": [(key.encode(), value.encode()) for key, value in sent.items()],
        }  # fmt: skip
        await self.application()(scope, receive, send)
        start = received[0]
        return Answer(
            start["status"],
            {key.decode(): value.decode() for key, value in start["headers"]},
            b"".join(each.get("body", b"") for each in received[1:]),
        )

    async def get(self, path: str) -> Any:
        """Return the JSON of a successful GET."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.json

    async def ids(self, path: str = "/api/v1/messages") -> list[str]:
        """Return the ids in a list."""
        return [each["ID"] for each in (await self.get(path))["messages"]]

    async def ok(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        """Make a change that succeeds."""
        answer = await self.ask(method, path, body, headers=headers)
        assert (answer.status, answer.text) == (200, "ok"), answer
        assert answer.headers["content-type"].startswith("text/plain")


@asynccontextmanager
async def api() -> AsyncIterator[Api]:
    async with world() as made:
        yield Api(made)


def run(steps: Callable[[Api], Awaitable[None]]) -> None:
    """Run steps with an API."""

    async def all_steps() -> None:
        async with api() as made:
            await steps(made)

    asyncio.run(asyncio.wait_for(all_steps(), 60))
