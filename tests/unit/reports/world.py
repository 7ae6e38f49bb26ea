"""An event service over a store in memory, a clock that is set, and an endpoint without sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Entry
from gatepost.keys.store_key import Key
from gatepost.model.profile import EventRules
from gatepost.model.secret import Secret
from gatepost.reports.report_operations import operate
from gatepost.reports.report_service import ReportService
from gatepost.reports.webhook_http import Unreached
from gatepost.rest.events.webhook_validation import EndpointResponse
from gatepost.testing.memory import MemoryStore
from tests.contract.messages import NOON, envelope, message
from tests.unit.directory.azure.world import DOMAIN_NAME, KEY, USERNAME, Change, changed

SENDER = f"DoNotReply@{DOMAIN_NAME}"
URL = "https://hook.example/?code=s3cret"
NO_CHANGE = Change()
USUAL_RULES = EventRules()
Document = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request to the endpoint."""

    method: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def events(self) -> list[Document]:
        """The events in it."""
        found = json.loads(self.body)
        return found if isinstance(found, list) else [found]


def agree(asked: Asked) -> EndpointResponse:
    """Answer the handshake and acknowledge everything."""
    if asked.method == "OPTIONS":
        return EndpointResponse(200, {"webhook-allowed-origin": "*"})
    if asked.headers["aeg-event-type"] == "SubscriptionValidation":
        code = asked.events[0]["data"]["validationCode"]
        return EndpointResponse(200, {}, json.dumps({"validationResponse": code}).encode())
    return EndpointResponse(200, {})


@dataclass
class Endpoint:
    """Implements ``webhook_http.WebhookHttp``: answers by ``answer``, and keeps the requests."""

    answer: Callable[[Asked], EndpointResponse] = agree
    asked: list[Asked] = field(default_factory=list)
    stalled: asyncio.Event | None = None
    """If given and not set, only the handshake is answered."""
    reachable: bool = True

    async def request(
        self,
        method: str,
        url: Secret,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        ca_file: str = "",
    ) -> EndpointResponse:
        del url, ca_file
        asked = Asked(method, headers, body)
        if not self.reachable:
            raise Unreached("ConnectionRefusedError")
        self.asked.append(asked)
        if self.stalled is not None and headers.get("aeg-event-type") == "Notification":
            await self.stalled.wait()
        return self.answer(asked)

    async def close(self) -> None:
        self.asked.clear()

    @property
    def notified(self) -> list[Document]:
        """The reports it got, in order."""
        sent = [each for each in self.asked if each.headers.get("aeg-event-type") == "Notification"]
        return [event for each in sent for event in each.events]


@dataclass
class World:
    """The service, its store, clock and endpoint."""

    service: ReportService
    store: MemoryStore
    endpoint: Endpoint
    directory: AzureDirectory
    now: datetime = NOON
    told: list[tuple[str, Document]] = field(default_factory=list)

    async def put(self, name: str, *to: str, **other: Any) -> None:
        """Accept a message now, and process it."""
        fields = {"principal": USERNAME, "received_at": self.now, **other}
        await self.store.put(message(name, envelope=envelope(SENDER, *to), **fields))
        await self.service.report_creator.catch_up()

    async def ask(self, operation: str, **fields: Any) -> Document:
        """Run an operation of the command line."""
        return await operate(self.service, operation, fields)

    async def statuses(self, **fields: Any) -> list[tuple[str, str]]:
        """Return (recipient, status) of the events, oldest first."""
        found = (await self.ask("events_list", **fields))["events"]
        return [(each["recipient"], each["status"]) for each in reversed(found)]

    async def advance(self, delta: timedelta) -> None:
        """Let time pass, and run what is due."""
        self.now += delta
        self.service.webhooks.wake()
        await self.settle()

    async def settle(self) -> None:
        """Let tasks run until each waits for something outside."""
        for _ in range(60):
            await asyncio.sleep(0)


@asynccontextmanager
async def opened(
    change: Change = NO_CHANGE,
    rules: EventRules = USUAL_RULES,
    store: MemoryStore | None = None,
    more: tuple[Entry, ...] = (),
) -> AsyncIterator[World]:
    """Yield a service that sends, with the directory after ``change``."""
    store = store or MemoryStore()
    directory = AzureDirectory(store, digest_key=KEY, clock=lambda: NOON)
    await directory.load()
    await directory.save([*changed(change).values(), *more])
    endpoint = Endpoint()
    world: World

    def tell(event: str, **facts: Any) -> None:
        world.told.append((event, facts))

    origin = "https://localhost:2443"
    service = ReportService(
        store, directory, Key(bytes(32)), rules, tell, lambda: world.now, origin, endpoint
    )
    world = World(service, store, endpoint, directory)
    await service.load()
    await service.serve()
    try:
        yield world
    finally:
        await service.close()
