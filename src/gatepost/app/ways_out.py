"""Sends one message through each way out of a configuration, and through the old provider.

Each attempt is made by the transport that the relay would use, at once and only once, whether the
relay runs or not. Nothing is queued.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from gatepost.app.make_transports import Upstreams
from gatepost.app.outbound import own_of
from gatepost.client.smtp_sign_in import PasswordSignIn
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.config.settings import Configuration, RefreshCredential
from gatepost.errors import ConfigError
from gatepost.keys.refresh_tokens import StoredRefreshTokens
from gatepost.keys.store_key import SIZE, Key
from gatepost.migrate.sample_message import mark_sample
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Addressee, Delivery, Lease, QueuedMessage
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.reply import Reply
from gatepost.model.route import (
    Capture,
    HopTls,
    MxTarget,
    NextHop,
    ServerAddress,
    Smarthost,
    SmarthostTarget,
    Target,
    credential_of,
)
from gatepost.model.secret import Secret
from gatepost.net.dial import Server
from gatepost.net.dns import DnsResolver
from gatepost.net.http_client import HttpClient
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.routes import Routes
from gatepost.relay.server_lookup import ServerLookup
from gatepost.relay.transport.contract import Transport
from gatepost.relay.transport.smtp import Sending, SmtpTransport

OLD: Final = "ACS"
"""The name of the old way."""
SECONDS: Final = 120.0
"""Maximum for one attempt."""
_IMPLICIT: Final = frozenset({465, 2465})


@dataclass(frozen=True, slots=True)
class OldServer:
    """The server that applications send through today, and its login."""

    server: Server
    username: str
    password: Secret
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class WayResult:
    """What one way did with the message."""

    way: str
    """The target's name, or ``ACS``."""
    recipients: tuple[str, ...]
    result: AttemptResult | None = None
    problem: str = ""
    """Why it was not tried."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The message, and who gets it. ``id`` is in the mark of each way: ``ID WAY``."""

    id: str
    envelope: Envelope
    content: bytes
    by: str = ""
    """The user name that sends it, for routes."""

    def mark(self, way: str) -> str:
        """Return the mark of the message that goes one way."""
        return f"{self.id} {way}"


@dataclass(slots=True)
class WaysOut:
    """Makes the attempts of one configuration. Use it as a context."""

    config: Configuration
    sample: Sample
    _upstreams: Upstreams = field(init=False)
    _lookup: ServerLookup = field(init=False)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        """Prepare what the attempts share."""
        config, tokens = self.config, TokenCache()
        http = HttpClient(ca_file=config.ca_file or None)
        self._stack.push_async_callback(http.close)
        self._stack.push_async_callback(tokens.close)
        # refresh tokens, the only ones that are stored, belong to the relay: they are not used here
        unused = StoredRefreshTokens(Key(os.urandom(SIZE)), lambda *_, **__: None)
        sending = Sending(local_name=config.hostname)
        self._upstreams = Upstreams(
            config.credentials, http, tokens, None, lambda: "", unused, sending,
            ca_file=config.ca_file,
        )  # fmt: skip
        resolver = DnsResolver(config.dns.nameservers, deadline=config.dns.timeout.total_seconds())
        self._lookup = ServerLookup(resolver, own_of(config), time.monotonic, random.random)
        self._stack.push_async_callback(self._lookup.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._stack.aclose()

    async def results(self) -> AsyncIterator[WayResult]:
        """Yield what each target of each route that the recipients take did with the message."""
        sample, routes = self.sample, Routes(self.config.routes)
        submission = Submission(
            sample.id, sample.envelope, BytesBody(sample.content), b"", datetime.now(UTC), sample.by
        )
        groups = routes.plan(submission)
        for each in groups.unroutable:
            yield WayResult("no route", (str(each.address),), problem="no route accepts it")
        for planned in groups.planned:
            route = routes.named(planned.next_hop.route)
            for target in route.chain if route else ():
                yield await self._try(target, planned.next_hop, planned.recipients)

    async def _try(
        self, target: Target, next_hop: NextHop, recipients: Sequence[Recipient]
    ) -> WayResult:
        people = tuple([str(each.address) for each in recipients])
        if isinstance(target, Capture):
            return WayResult(target.name, people, problem="it keeps mail here")
        if isinstance(self.config.credentials.get(credential_of(target)), RefreshCredential):
            problem = "its refresh token is the running relay's"
            return WayResult(target.name, people, problem=problem)
        try:
            transport = self._upstreams.transport(target)
        except ConfigError as error:
            return WayResult(target.name, people, problem=str(error))
        server = await self._server(target, next_hop.destination)
        if isinstance(server, Reply):
            return WayResult(target.name, people, problem=server.reason or str(server))
        return await self._attempt(target.name, transport, server, recipients)

    async def _server(self, target: Target, destination: str) -> ServerAddress | Reply:
        if not isinstance(target, MxTarget):
            return self._lookup.configured(target).servers[0]
        group = await self._lookup.find(target, destination)
        return group if isinstance(group, Reply) else group.servers[0]

    async def try_old(self, old: OldServer) -> WayResult:
        """Return what the old provider did with the message."""
        place = Smarthost(old.server.host, old.server.port)
        tls: HopTls = "implicit" if old.server.port in _IMPLICIT else "required"
        target = SmarthostTarget(
            OLD, (place,), tls, ca_file=old.ca_file or None, credential=OLD
        )  # fmt: skip
        sign_in = PasswordSignIn(old.username, lambda: old.password)
        sending = Sending(local_name=self.config.hostname)
        transport = SmtpTransport(target, sign_in, sending)
        server = ServerAddress(place.host, place.port)
        return await self._attempt(OLD, transport, server, self.sample.envelope.recipients)

    async def _attempt(
        self,
        way: str,
        transport: Transport,
        server: ServerAddress,
        recipients: Sequence[Recipient],
    ) -> WayResult:
        sample = self.sample
        body = BytesBody(mark_sample(sample.content, sample.mark(way)))
        deadline = asyncio.get_running_loop().time() + SECONDS
        try:
            result = await transport.deliver(_lease(sample, recipients), body, server, deadline)
        finally:
            await transport.close()
        return WayResult(way, tuple([str(each.address) for each in recipients]), result)


def _lease(sample: Sample, recipients: Sequence[Recipient]) -> Lease:
    """Return a lease of a delivery that is in no queue."""
    now = datetime.now(UTC)
    addressees = tuple([Addressee(each) for each in recipients])
    delivery = Delivery(
        f"{sample.id}.0", sample.id, NextHop("sample"), addressees, "leased", None, now, now
    )
    size = len(sample.content)
    message = QueuedMessage(sample.id, sample.envelope, b"", now, sample.by, "", "", size)
    return Lease(delivery, message, 0, 0)
