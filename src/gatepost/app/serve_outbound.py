"""The delivering half of ``gatepost serve``: made of a configuration, made anew at a reload."""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from gatepost.app.alarms import Alarms
from gatepost.app.keys import Key
from gatepost.app.refresh_tokens import KeptTokens
from gatepost.app.secret_files import SecretFiles
from gatepost.app.upstreams import Turns, Upstreams
from gatepost.client.tokens.cache import TokenCache
from gatepost.config.settings import Config, RefreshCredential
from gatepost.model.profile import Profile
from gatepost.model.route import MxTarget, NextHop, credential_of
from gatepost.net.dial import is_here
from gatepost.net.dns import DnsResolver
from gatepost.net.http import Http
from gatepost.profiles import known_providers, load_profile
from gatepost.relay.context import Report
from gatepost.relay.deliver import Deliverer
from gatepost.relay.faults import explain
from gatepost.relay.feedback import alarm_keys
from gatepost.relay.in_flight import InFlight
from gatepost.relay.outbound import Outbound, make_deliverer
from gatepost.relay.routed_store import RoutedStore
from gatepost.relay.routes import Routes
from gatepost.relay.server_lookup import Own
from gatepost.relay.transport.contract import Transport
from gatepost.relay.transport.smtp import Sending
from gatepost.store.sqlite import SqliteStore

EVERYWHERE: Final = frozenset({"::", "0.0.0.0"})
"""Hosts on which a listener has all addresses of a family, or of both."""
BRIEFLY: Final = 2.0
"""Seconds for which a reload waits for deliveries on the wire, so that the next ones do not come
on top of them; new ones begin then."""
FINISH: Final = 20.0
"""Seconds that those which are left get before they are cut."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What no configuration changes."""

    store: SqliteStore
    key: Key
    http: Http
    report: Report
    next_id: Callable[[], str]
    alarms: Alarms
    turns: Turns = field(default_factory=dict)
    """At token endpoints, also for two configurations of which one is ending."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """All that delivers by one configuration."""

    config: Config
    routes: Routes
    tokens: TokenCache
    transports: dict[str, Transport]
    deliverer: Deliverer

    async def stop(self, seconds: float, *, patient: bool = False) -> None:
        """Begin nothing new, finish what is on the wire, say goodbye."""
        await self.deliverer.stop(seconds, patient=patient)
        await asyncio.gather(*[each.close() for each in self.transports.values()])
        await self.tokens.close()


class ServeOutbound:
    """Delivers, by one configuration after the other. ``store`` is where mail is accepted."""

    store: RoutedStore

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._kept = KeptTokens(ground.key, ground.report)
        self._wire = InFlight()
        self._secrets = SecretFiles(self._forgive)
        self._now: Outgoing
        self._ending: list[tuple[Outgoing, asyncio.Task[None]]] = []
        """What is still finishing."""
        self._has_ended = False

    @property
    def deliverer(self) -> Deliverer:
        """The one that delivers now."""
        return self._now.deliverer

    @property
    def routes(self) -> Routes:
        """Those that hold now."""
        return self._now.routes

    def prepare(self, config: Config) -> Outgoing:
        """Return what a configuration needs; nothing is connected to. Raises ConfigError."""
        ground, tokens = self._ground, TokenCache()
        routes = Routes(config.routes)
        upstreams = Upstreams(
            config.credentials,
            ground.http,
            tokens,
            ground.store,
            ground.next_id,
            self._kept,
            Sending(local_name=config.hostname),
            ground.turns,
            config.ca_file,
        )
        transports = upstreams.transports(config.routes)
        parts = Outbound(
            ground.store.deliveries,
            routes,
            transports,
            DnsResolver(config.dns.nameservers, deadline=config.dns.timeout.total_seconds()),
            config.hostname,
            ground.next_id,
            ground.report,
            lambda: datetime.now(UTC),
            time.monotonic,
            random.random,
            own_of(config),
            _known_providers(),
            wire=self._wire,
            alarms=ground.alarms,
            forgiven=tokens.forgive,
        )
        return Outgoing(config, routes, tokens, transports, make_deliverer(parts))

    async def start(self, outgoing: Outgoing) -> None:
        """Begin to deliver. Raises QueueError."""
        self._now = outgoing
        self._secrets.follow(outgoing.config.credentials.values())
        self._forget_others()
        store = self._ground.store
        self.store = RoutedStore(store, store.deliveries, outgoing.routes, outgoing.deliverer)
        await outgoing.deliverer.start()
        self._secrets.watch()

    async def change(self, outgoing: Outgoing) -> None:
        """Let another configuration deliver, and finish what is on the wire by the one before.

        From the first moment on mail is accepted by the new routes, and queued; the old ones begin
        nothing more. Nothing is asked of the store, which may not be well.
        """
        before = self._now
        self._secrets.follow(outgoing.config.credentials.values())
        if not differ(before.config, outgoing.config):
            hops = [NextHop(each.name) for each in before.config.routes]
            before.deliverer.forgive(hops)  # a secret may be another in its file
            return
        self._now = outgoing
        self.store.use(outgoing.routes, outgoing.deliverer)
        retiring = asyncio.create_task(before.deliverer.retire(outgoing.deliverer, BRIEFLY))
        ending = before, asyncio.create_task(self._end(before, retiring))
        self._ending.append(ending)
        ending[1].add_done_callback(lambda _: self._ending.remove(ending))
        await asyncio.wait([retiring])
        self._forget_others()
        await outgoing.deliverer.start(before.deliverer.epoch)

    async def _end(self, before: Outgoing, retiring: "asyncio.Task[None]") -> None:
        try:
            await retiring
            await before.stop(FINISH, patient=True)
        except Exception as error:  # noqa: BLE001 - mail goes on, whatever it is
            self._ground.report("internal_error", reason=explain(error))

    def _forget_others(self) -> None:
        """Forget what is about targets and credentials that are no more."""
        routes, credentials = self._now.config.routes, self._now.config.credentials.values()
        targets = [target for route in routes for target in route.chain]
        self._ground.alarms.keep_only({key for each in targets for key in alarm_keys(each)})
        refreshed = [each for each in credentials if isinstance(each, RefreshCredential)]
        self._kept.keep_only({each.name: each.refresh_token.read for each in refreshed})

    def _forgive(self, credentials: Collection[str]) -> None:
        """Try at once what waits because a secret was refused that is another one now."""
        for name in credentials:
            self._ground.report("secret_changed", credential=name)
        routes = self._now.config.routes
        hops = [
            NextHop(route.name)
            for route in routes
            if any(credential_of(target) in credentials for target in route.chain)
        ]
        self._now.deliverer.forgive(hops)

    async def stop(self, seconds: float) -> None:
        """End, once: what is not delivered by then stays in the queue."""
        if self._has_ended:
            return
        self._has_ended = True
        self._secrets.close()
        await asyncio.gather(
            *[each.stop(seconds) for each in [self._now, *(each for each, _ in self._ending)]]
        )
        self._kept.close()
        await self._ground.alarms.close()


def differ(one: Config, other: Config) -> bool:
    """Tell whether two configurations deliver differently."""
    return own_hosts(one) != own_hosts(other) or any(
        getattr(one, name) != getattr(other, name)
        for name in ("hostname", "routes", "credentials", "dns")
    )


def own_hosts(config: Config) -> tuple[str, ...]:
    """Return where exchangers would reach this relay, by the ports of its targets."""
    targets = [each for route in config.routes for each in route.chain]
    ports = {each.port for each in targets if isinstance(each, MxTarget)}
    return tuple([each.host for each in config.listeners if each.host and each.port in ports])


def own_of(config: Config) -> Own:
    """Return what an exchanger is called that is this relay."""
    hosts = own_hosts(config)
    listens_everywhere = not EVERYWHERE.isdisjoint(hosts)
    return Own((config.hostname,), hosts, is_here if listens_everywhere else lambda _: False)


def _known_providers() -> Iterable[Profile]:
    return [load_profile(name) for name in known_providers()]
