"""The outbound half of a relay: delivery by a configuration, which a reload replaces."""

import asyncio
import random
import time
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from gatepost.app.make_transports import Turns, Upstreams
from gatepost.app.message_signers import message_signers
from gatepost.app.relay_store import RelayStore
from gatepost.app.target_marks import MARKS, target_marks
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.config.settings import Configuration, RefreshCredential
from gatepost.keys.refresh_tokens import StoredRefreshTokens
from gatepost.keys.secret_files import SecretFiles
from gatepost.keys.store_key import Key
from gatepost.model.dns import Resolver
from gatepost.model.message import Submission
from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.model.route import MxTarget, NextHop, credential_of
from gatepost.net.dial import is_here
from gatepost.net.dns import DnsResolver
from gatepost.net.http_client import Http, HttpClient
from gatepost.operator_log.alarms import Alarms
from gatepost.processes.open_files import attempts_within
from gatepost.profiles import known_providers, load_profile
from gatepost.queue.attempt_slots import Slots
from gatepost.queue.cluster_contract import SharedPause
from gatepost.queue.delivery_marks import DeliveryMarks
from gatepost.queue.last_deliveries import LastDeliveries
from gatepost.relay.attempt import AttemptRunner
from gatepost.relay.attempt_admission import AttemptAdmission
from gatepost.relay.attempt_feedback import AttemptFeedback, alarm_keys
from gatepost.relay.deliverer import Deliverer
from gatepost.relay.in_flight import InFlight
from gatepost.relay.notifier import Notifier
from gatepost.relay.routed_store import ReturnedMail, RoutedOperations, RoutedStore
from gatepost.relay.routes import Routes
from gatepost.relay.safe_error_text import explain
from gatepost.relay.server_lookup import Own, ServerLookup
from gatepost.relay.settler import Settler
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.shared_by_delivery import DeliveryContext
from gatepost.relay.shared_limits import SharedLimits
from gatepost.relay.shared_pauses import SHARED
from gatepost.relay.target_choice import TargetChoice
from gatepost.relay.transport.contract import Transport
from gatepost.relay.transport.message_signing import MessageSigner
from gatepost.relay.transport.published_keys import KnownRecords, PublishedKeys
from gatepost.relay.transport.seen_certificates import SeenCertificates
from gatepost.relay.transport.smtp import Sending
from gatepost.reports.relayed_outcomes import RelayedOutcomes
from gatepost.routing.mx_candidates import exchangers

EVERYWHERE: Final = frozenset({"::", "0.0.0.0"})
"""Listener hosts that stand for all addresses of one or both families."""
BRIEFLY: Final = 2.0
"""Seconds for which a reload waits for current attempts before new ones begin, so that both
together rarely exceed the limits of connections."""
FINISH: Final = 20.0
"""Seconds that the remaining attempts then get before they are aborted."""


@dataclass(frozen=True, slots=True)
class DeliverySetup:
    """The parts that deliver by one configuration."""

    config: Configuration
    tokens: TokenCache
    transports: dict[str, Transport]
    deliverer: Deliverer
    resolver: Resolver
    published: PublishedKeys
    signers: Mapping[str, MessageSigner]
    """Of targets by name."""

    def look_up_keys(self) -> None:
        """Look up the records of the keys that sign, before mail needs them."""
        self.published.look_up({key for each in self.signers.values() for key in each.keys})

    async def stop(self, seconds: float, *, patient: bool = False) -> None:
        """Finish or abort current attempts within ``seconds``, and close all connections."""
        await self.deliverer.stop(seconds, patient=patient)
        await asyncio.gather(*[each.close() for each in self.transports.values()])
        await self.tokens.close()
        await self.published.close()


async def open_outbound(
    config: Configuration, store: RelayStore, key: Key, relay: Relay, stack: AsyncExitStack
) -> "Outbound":
    """Return what delivers a relay's mail, by no configuration yet; ``stack`` closes it."""
    http = HttpClient(ca_file=config.ca_file or None)
    stack.push_async_callback(http.close)
    attempts = attempts_within(config.limits.connections)
    return Outbound(relay, store, key, http, await Alarms.open(store), attempts)


class Outbound:
    """Delivers by one configuration after another. ``store`` accepts the mail to deliver.

    Implements ``SendingStore`` for the APIs.
    """

    store: RoutedStore
    operations: RoutedOperations

    def __init__(
        self, relay: Relay, store: RelayStore, key: Key, http: Http, alarms: Alarms, attempts: int
    ) -> None:
        """``attempts`` may be in progress at once; each has a connection."""
        self._relay, self._store, self._http, self._alarms = relay, store, http, alarms
        self._turns: Turns = {}
        """Locks for requests to token endpoints, shared while one configuration replaces another.
        """
        self._refresh_tokens = StoredRefreshTokens(key, relay.report)
        cluster = store.cluster
        shared = None if cluster is None else SharedLimits(cluster, time.monotonic)
        self._wire = InFlight(Slots(attempts), shared)
        self.certificates = SeenCertificates()
        self._records: KnownRecords = {}
        """What is known of the records of DKIM keys, shared as the locks are."""
        self._secrets = SecretFiles(self._forgive)
        self.marks = DeliveryMarks(key.subkey(MARKS))
        self.outcomes: RelayedOutcomes | None = None
        """None: nobody gets reports about relayed mail."""
        self.returned: ReturnedMail | None = None
        """None: bounces go to the senders."""
        self._now: DeliverySetup
        self._ending: list[tuple[DeliverySetup, asyncio.Task[None]]] = []
        """Replaced configurations whose last attempts are still in progress."""
        self._has_ended = False

    @property
    def deliverer(self) -> Deliverer:
        """The current deliverer."""
        return self._now.deliverer

    @property
    def last_deliveries(self) -> LastDeliveries:
        """When each target delivered last, under whichever configuration."""
        return self._wire.last_deliveries

    def put(self, submission: Submission) -> Awaitable[None]:
        return self.store.put(submission)

    def prepare(self, config: Configuration) -> DeliverySetup:
        """Return the parts for a configuration, without connecting. Raises ConfigError."""
        relay, store, tokens = self._relay, self._store, TokenCache()
        routes = Routes(config.routes)
        timeout = config.dns.timeout.total_seconds()
        resolver = DnsResolver(config.dns.nameservers, deadline=timeout)
        now, chance = partial(datetime.now, UTC), random.random
        # Without a cache: a reload asks again for a record that was missing.
        uncached = DnsResolver(config.dns.nameservers, deadline=timeout, cached=0)
        published = PublishedKeys(uncached, relay.report, self._records)
        signers = message_signers(config, published, now)
        upstreams = Upstreams(
            config.credentials,
            self._http,
            tokens,
            store,
            relay.next_id,
            self._refresh_tokens,
            Sending(local_name=config.hostname, certificates=self.certificates),
            self._turns,
            target_marks(config, self.marks),
            config.ca_file,
            store.cluster,
            signers,
        )
        transports = upstreams.transports(config.routes)
        context = DeliveryContext(
            store.deliveries, routes, relay.report, now, store.cluster, self.outcomes
        )
        settler = Settler(
            context, Notifier(config.hostname, relay.next_id, routes, relay.report), chance
        )
        admission = AttemptAdmission(time.monotonic, chance, tokens.forgive, self._wire)
        lookup = ServerLookup(resolver, own_of(config), time.monotonic, chance)
        feedback = AttemptFeedback(
            admission, chance, relay.report, _known_providers(), self._alarms
        )
        choice = TargetChoice(lookup, admission, relay.descriptors)
        deliverer = Deliverer(context, settler, AttemptRunner(transports, choice, feedback, now))
        return DeliverySetup(config, tokens, transports, deliverer, resolver, published, signers)

    async def exchangers_of(self, domain: str) -> Sequence[str]:
        """Return the mail exchangers of a domain, best first. Raises ValueError if there are
        none."""
        setup = self._now
        answer = await setup.resolver.mx(domain)
        found = exchangers(domain, answer, own_of(setup.config).names, random.random)
        if isinstance(found, Reply):
            raise ValueError(f"{domain} has no mail exchanger: {found}")  # noqa: TRY004
        return [each.host for each in found]

    async def start(self, setup: DeliverySetup) -> None:
        """Start to deliver. Raises QueueError."""
        self._now = setup
        self._secrets.follow(setup.config.credentials.values())
        self._forget_others()
        store = self._store
        self.store = RoutedStore(
            store, store.deliveries, setup.deliverer, self.outcomes, self.returned
        )
        self.operations = RoutedOperations(self.store, store.operations)
        setup.look_up_keys()
        await setup.deliverer.start()
        self._secrets.watch()

    async def change(self, setup: DeliverySetup) -> None:
        """Put another configuration into effect, while current attempts finish by the old one.

        New mail is accepted by the new routes immediately; the old deliverer starts no more
        attempts. The store, which may have failed, is not used.
        """
        before = self._now
        self._secrets.follow(setup.config.credentials.values())
        if not has_delivery_changed(before.config, setup.config):
            hops = [NextHop(each.name) for each in before.config.routes]
            before.deliverer.forgive(hops)  # a secret may have changed in its file
            before.look_up_keys()
            return
        self._now = setup
        setup.look_up_keys()
        self.store.use(setup.deliverer)
        retiring = asyncio.create_task(before.deliverer.retire(setup.deliverer, BRIEFLY))
        ending = before, asyncio.create_task(self._end(before, retiring))
        self._ending.append(ending)
        ending[1].add_done_callback(lambda _: self._ending.remove(ending))
        await asyncio.wait([retiring])
        self._forget_others()
        await setup.deliverer.start(before.deliverer.epoch)

    async def _end(self, before: DeliverySetup, retiring: "asyncio.Task[None]") -> None:
        try:
            await retiring
            await before.stop(FINISH, patient=True)
        except Exception as error:  # noqa: BLE001 - mail goes on, whatever it is
            self._relay.report("internal_error", reason=explain(error))

    def _forget_others(self) -> None:
        """Forget alarms and tokens of targets and credentials that no longer exist."""
        routes, credentials = self._now.config.routes, self._now.config.credentials.values()
        targets = [target for route in routes for target in route.chain]
        self._wire.last_deliveries.keep_only(
            {each.name for each in routes}, {each.name for each in targets}
        )
        self._alarms.keep_only({key for each in targets for key in alarm_keys(each)})
        refreshed = [each for each in credentials if isinstance(each, RefreshCredential)]
        self._refresh_tokens.keep_only({each.name: each.refresh_token.read for each in refreshed})

    def _forgive(self, credentials: Collection[str]) -> None:
        """Retry at once after a refused secret was replaced."""
        for name in credentials:
            self._relay.report("secret_changed", credential=name)
        routes = self._now.config.routes
        hops = [
            NextHop(route.name)
            for route in routes
            if any(credential_of(target) in credentials for target in route.chain)
        ]
        self._now.deliverer.forgive(hops)

    def try_learn_quota(self, next_hop: NextHop, target: str, reply: Reply) -> bool:
        """Pause a target, because a reply that came later says that its quota is used up; False if
        the next hop has no such target any more."""
        return self._now.deliverer.try_learn_quota(next_hop, target, reply)

    def renew(self, epoch: int) -> None:
        """Continue in another epoch, because other nodes took this one for dead."""
        for each in [self._now, *(each for each, _ in self._ending)]:
            each.deliverer.renew(epoch)

    def adopt_pauses(self, pauses: Sequence[SharedPause]) -> None:
        """Try nothing for now where another node has found that it does not work."""
        if (shared := self._wire.shared) is not None:
            shared.pauses.adopt(pauses, time.monotonic())
            self.deliverer.on_change(SHARED)

    async def stop(self, seconds: float) -> None:
        """Stop, once; undelivered mail stays in the queue."""
        if self._has_ended:
            return
        self._has_ended = True
        self._secrets.close()
        await asyncio.gather(
            *[each.stop(seconds) for each in [self._now, *(each for each, _ in self._ending)]]
        )
        self._refresh_tokens.close()
        await self._alarms.close()


def has_delivery_changed(before: Configuration, after: Configuration) -> bool:
    """Tell whether two configurations deliver differently."""
    return own_hosts(before) != own_hosts(after) or any(
        getattr(before, name) != getattr(after, name)
        for name in ("hostname", "routes", "credentials", "dns", "dkim")
    )


def own_hosts(config: Configuration) -> tuple[str, ...]:
    """Return where exchangers would reach this relay, by the ports of its targets."""
    targets = [each for route in config.routes for each in route.chain]
    ports = {each.port for each in targets if isinstance(each, MxTarget)}
    return tuple([each.host for each in config.listeners if each.host and each.port in ports])


def own_of(config: Configuration) -> Own:
    """Return the names and addresses by which an exchanger is recognised as this relay."""
    hosts = own_hosts(config)
    listens_everywhere = not EVERYWHERE.isdisjoint(hosts)
    return Own((config.hostname,), hosts, is_here if listens_everywhere else lambda _: False)


def _known_providers() -> Iterable[Profile]:
    return [load_profile(name) for name in known_providers()]
