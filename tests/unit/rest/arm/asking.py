"""Calls the management API in this process, without sockets, as any application."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast

from starlette.applications import Starlette

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    Application,
    Entry,
    RoleAssignment,
    ServicePrincipal,
)
from gatepost.directory.azure.resource_ids import subscription_path
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.errors import ConfigError
from gatepost.model.dns import Resolver
from gatepost.model.profile import DirectoryRules, Profile
from gatepost.model.secret import Secret
from gatepost.queue.send_operations_contract import SendingStore
from gatepost.rest import arm
from gatepost.rest.request_bodies import Intake
from gatepost.rest.site import Site
from tests.rsa_keys import rsa_key
from tests.unit.directory.azure.world import KEY, NOW, SUBSCRIPTION, TENANT, entries
from tests.unit.directory.memory import MemoryRecords
from tests.unit.rest.in_process import Answered, Question, ask

BASE = "https://localhost:2443"
VERSION = "2025-09-01"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"

ADMIN = Application("aaaaaaaa-1111-0000-0000-000000000001", "a" * 8, TENANT, "Administrator")
ADMIN_PRINCIPAL = ServicePrincipal(
    "aaaaaaaa-1111-0000-0000-000000000002", ADMIN.id, TENANT, "Administrator"
)
OWNS = RoleAssignment(
    "aaaaaaaa-1111-0000-0000-000000000003",
    subscription_path(SUBSCRIPTION),
    OWNER,
    ADMIN_PRINCIPAL.id,
    NOW,
)


DAMAGED = b"damaged"
"""A sealed key that cannot be opened."""


class PlainKeys:
    """Access keys that are not sealed."""

    def open(self, sealed: bytes) -> Secret:
        if sealed == DAMAGED:
            raise ConfigError("an access key is damaged")
        return Secret(sealed.decode())

    def seal(self, key: Secret) -> bytes:
        return key.reveal().encode()


class Management:
    """The API over the directory of ``world``, with an Owner beside the sender."""

    def __init__(
        self,
        *added: Entry,
        verification: str = "instant",
        resolver: Resolver | None = None,
    ) -> None:
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.now = NOW
        self.directory = AzureDirectory(MemoryRecords(), digest_key=KEY, clock=self._clock)
        self.tokens = AccessTokens(rsa_key(), self._clock)
        rules = DirectoryRules(domain_verification=cast("Any", verification))
        self.site = Site(
            Profile("acs", directory=rules),
            self.directory,
            cast("SendingStore", None),
            PlainKeys(),
            self._report,
            self._clock,
            self.tokens,
            Intake(),
            resolver=resolver,
        )
        self.application = Starlette(routes=arm.routes(self.site))
        there = [*entries().values(), ADMIN, ADMIN_PRINCIPAL, OWNS, *added]
        asyncio.run(self.directory.save(there))

    def _clock(self) -> datetime:
        return self.now

    def _report(self, event: str, **facts: Any) -> None:
        self.reports.append((event, facts))

    def token(
        self,
        principal: ServicePrincipal = ADMIN_PRINCIPAL,
        audience: str = "https://management.azure.com/",
    ) -> str:
        issued = self.tokens.issue(principal, audience, f"{BASE}/{TENANT}/v2.0")
        return issued.token.reveal()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        version: str = VERSION,
        query: str = "",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answered:
        """Send one request. ``token``: by default the administrator's; empty: none."""
        given = self.token() if token is None else token
        sent = {"host": "localhost:2443", **headers}
        if given:
            sent["authorization"] = f"Bearer {given}"
        text = "&".join(
            each for each in (f"api-version={version}" if version else "", query) if each
        )
        return asyncio.run(self._ask(method, path, body, text, sent))

    def put_at_once(self, times: int, path: str, body: object) -> list[Answered]:
        """Send ``PUT`` so many times, all before the first answer."""
        headers = {"host": "localhost:2443", "authorization": f"Bearer {self.token()}"}

        async def all_of_them() -> list[Answered]:
            query = f"api-version={VERSION}"
            asks = [self._once("PUT", path, body, query, headers) for _ in range(times)]
            return await asyncio.gather(*asks)

        return asyncio.run(all_of_them())

    async def _ask(
        self, method: str, path: str, body: object, query: str, headers: Mapping[str, str]
    ) -> Answered:
        answered = await self._once(method, path, body, query, headers)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)  # tasks that were started and not awaited
        return answered

    async def _once(
        self, method: str, path: str, body: object, query: str, headers: Mapping[str, str]
    ) -> Answered:
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        return await ask(self.application, Question(method, path, query, headers, (raw,)))
