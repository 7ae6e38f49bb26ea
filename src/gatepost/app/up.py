"""``gatepost up``: the local relay, from an empty directory to a clean stop."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from gatepost.app.composition import Composition
from gatepost.app.front_main import LoadedConfiguration
from gatepost.app.provision_accounts import Accounts, provide_accounts
from gatepost.app.provision_azure import Provisioned, provision
from gatepost.app.ready_json import Listeners, Trusted, describe, https_url, write_ready
from gatepost.app.signals import OnReady, run_relay
from gatepost.certificates.bundle import write_bundle
from gatepost.certificates.local_ca import Certificates, ensure_certificates, make_flawed
from gatepost.certificates.names import names_of
from gatepost.config.preset import UpPreset, certified, tls_of_ports
from gatepost.config.settings import Configuration, Emulation
from gatepost.control.administration.accounts import account_admin
from gatepost.control.administration.context import AdminContext
from gatepost.control.administration.operations import AdminDispatch
from gatepost.control.clock import AheadClock, ClockControl, check_alone
from gatepost.control.queue_operations import QueueControl
from gatepost.control.socket_server import ControlledParts
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Domain
from gatepost.directory.azure.login_rules import rules_of
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.keys.damaged_records import Damaged, tell_damaged
from gatepost.keys.store_key import DIGESTS, Key, SealedAccessKeys, keep_fingerprint, open_key
from gatepost.keys.token_signing import open_tokens
from gatepost.model.profile import Profile
from gatepost.net.atomic_files import keep_out_of_git
from gatepost.net.dns import DnsResolver
from gatepost.net.listen import listen
from gatepost.operator_log.writer import Reporter
from gatepost.policy.quotas import LocalQuotas, SubscriptionQuotas
from gatepost.relay.context import Relay, ReportEvent
from gatepost.reports.service import EventContext, EventService
from gatepost.rest.context import Site
from gatepost.rest.own_names import OwnNames
from gatepost.store.sqlite import SqliteStore
from gatepost.wire.server.replies import replies_with


async def up(preset: UpPreset, report: Reporter, on_ready: OnReady) -> int:
    """Run the relay until it is stopped; return the exit code.

    ``on_ready`` gets the document of ready.json. Raises GatepostError if it cannot start:
    StoreLocked for a directory that another relay uses, PortBusy for a port.
    """
    return await run_relay(
        lambda stack: start(preset, report, stack), report, on_ready, needs_terminal=True
    )


@dataclass(frozen=True, slots=True)
class EmulatedRelay:
    """Implements ``RunningRelay``."""

    data: Path
    document: dict[str, Any]
    """That of ready.json."""
    failed: "asyncio.Future[str]"

    def tell_ready(self) -> dict[str, Any]:
        write_ready(self.data, self.document)
        return self.document

    async def reload(self) -> None:
        """Do nothing: there is no file to read again."""


async def start(preset: UpPreset, report: Reporter, stack: AsyncExitStack) -> EmulatedRelay:
    """Open everything; ``stack`` closes it in the reverse order. Raises as ``up`` does."""
    config = preset.read()
    assert config.emulation is not None  # noqa: S101 - it is a preset's
    emulation, profile = config.emulation, config.emulation.profile
    resolver = DnsResolver(config.dns.nameservers, cached=0)
    clock = _open_clock(config, report)
    composition = Composition.open(LoadedConfiguration(config, "", ""), report, stack)
    data, store = composition.data, composition.store
    keep_out_of_git(data)
    listeners, key = _listen(emulation, stack), open_key(data)
    directory, tokens, provisioned = await _open_directory(key, store, profile, clock)
    names = _server_names(emulation)
    certificates = _provide_certificates(data, names, report)
    config = certified(config, str(_served_certificate(data, profile, certificates)))
    accounts = await _provide_accounts(key, store, profile, directory.damaged)
    quotas = _quotas(profile, directory, clock) if profile.strict.has_limits else None
    keys, proving = SealedAccessKeys(key), profile.directory.domain_verification
    azure = AdminContext(directory, keys, clock.now, https_url(listeners), resolver, proving)
    context = EventContext(store, directory, key, profile.events, report, azure.now, azure.endpoint)
    events = await _serve_events(context, stack)
    relay = await composition.make_relay(
        accounts.signs_in if accounts else directory,
        quotas=LocalQuotas(quotas) if quotas else None,
        now=clock.now,
        login_delay=profile.strict.login_delay,
    )
    opened = {name: each for name, each in listeners.items() if each is not None}
    inbound, prepared = composition.listen(relay, LoadedConfiguration(config, "", ""), opened)
    admin = AdminDispatch(azure, account_admin(accounts.directory, key) if accounts else None)
    clocks = ClockControl(
        clock, workers=config.workers, on_advance=partial(_report_advance, report, events)
    )
    queue = QueueControl(store.deliveries, clock.now)  # empty: all mail is captured
    shared = ControlledParts(quotas, None, relay.budget, admin, events, queue, clocks, report)
    await composition.serve_control(relay, shared)
    stack.push_async_callback(inbound.stop)
    await inbound.start(prepared)
    make_site = partial(
        Site, profile, directory, store, keys, report, now=clock.now, tokens=tokens,
        quotas=LocalQuotas(quotas, owner="rest", face="rest") if quotas else None,
        suppression=events.consumer, events=events, resolver=azure.resolver,
        seconds=clock.monotonic, names=OwnNames(lambda: names),
    )  # fmt: skip
    await _serve_web(listeners, certificates, make_site, relay, stack)
    trusted = Trusted(certificates.ca_file, write_bundle(data, certificates.ca_file))
    document = describe(
        os.getpid(),
        data,
        listeners,
        trusted,
        accounts.first if accounts else provisioned,
        tls_of_ports(profile),
    )
    return EmulatedRelay(data, document, composition.failed)


def _open_clock(config: Configuration, report: ReportEvent) -> AheadClock:
    clock = AheadClock(config.storage.directory)
    check_alone(clock, config.workers)
    if clock.ahead:
        report("clock_advanced", ahead=clock.ahead.total_seconds())
    return clock


def _listen(emulation: Emulation, stack: AsyncExitStack) -> Listeners:
    listeners: Listeners = {}
    for name, place in emulation.places.items():
        listeners[name] = listener = listen(*place) if place else None
        if listener is not None:
            stack.callback(listener.close)
    return listeners


async def _open_directory(
    key: Key, store: SqliteStore, profile: Profile, clock: AheadClock
) -> tuple[AzureDirectory, AccessTokens, Provisioned]:
    """Load the directory; the first start creates its entries."""
    damaged: dict[str, str] = {}
    await keep_fingerprint(key, store)
    tokens = await open_tokens(store, key, clock.now, damaged)
    directory = AzureDirectory(
        store,
        digest_key=key.subkey(DIGESTS),
        clock=clock.now,
        rules=rules_of(profile),
        tokens=tokens,
    )
    await directory.load()
    directory.damaged.update(damaged)
    return directory, tokens, await provision(store, directory, key, clock.now())


def _server_names(emulation: Emulation) -> tuple[str, ...]:
    """Return the names of the server, which are in its certificate."""
    return names_of([place[0] for place in emulation.places.values() if place], emulation.names)


def _provide_certificates(data: Path, names: tuple[str, ...], report: ReportEvent) -> Certificates:
    certificates = ensure_certificates(data, datetime.now(UTC), names)
    if certificates.is_new_authority:
        report("authority_replaced", ca_file=str(certificates.ca_file))
    return certificates


def _served_certificate(data: Path, profile: Profile, certificates: Certificates) -> Path:
    flaw = profile.server.certificate
    if flaw == "valid":
        return certificates.server_file
    return make_flawed(data, flaw, datetime.now(UTC))


async def _provide_accounts(
    key: Key, store: SqliteStore, profile: Profile, damaged: Damaged
) -> Accounts | None:
    """Load the plain accounts, if the profile's provider has them."""
    if profile.directory.kind != "accounts":
        return None
    accounts = await provide_accounts(store, key, profile, damaged)
    damaged.update({f"account {name}": why for name, why in accounts.directory.damaged.items()})
    return accounts


async def _serve_events(context: EventContext, stack: AsyncExitStack) -> EventService:
    """Create reports about mail from now on; report damaged records."""
    service = EventService(context)
    await service.load()
    tell_damaged(context.tell, {**context.directory.damaged, **service.damaged})
    stack.push_async_callback(service.close)
    await service.serve()
    return service


def _report_advance(report: ReportEvent, events: EventService, ahead: timedelta) -> None:
    """Report the change, and wake everything that waits for a time."""
    report("clock_advanced", ahead=ahead.total_seconds())
    events.webhooks.wake()


def _quotas(profile: Profile, directory: AzureDirectory, clock: AheadClock) -> SubscriptionQuotas:
    def is_managed(name: str) -> bool:
        domains = directory.all(Domain)
        return any(each.is_managed for each in domains if each.mail_from_domain.lower() == name)

    return SubscriptionQuotas(
        profile.strict, replies_with(profile.replies), is_managed, clock.monotonic
    )


async def _serve_web(
    listeners: Listeners,
    certificates: Certificates,
    make_site: Callable[..., Site],
    relay: Relay,
    stack: AsyncExitStack,
) -> None:
    if listeners["https"] is None and listeners["http"] is None:
        return
    from gatepost.rest.application import clear_application, secure_application  # noqa: PLC0415
    from gatepost.rest.request_bodies import Intake  # noqa: PLC0415
    from gatepost.web.server import WebServer  # noqa: PLC0415 - HTTP and the APIs are large

    alarm = relay.descriptors
    site = make_site(intake=Intake(relay.budget, alarm.report))
    pair = (certificates.server_file, certificates.server_file)
    faces = (("https", secure_application, pair), ("http", clear_application, None))
    for name, application, certificate in faces:
        listener = listeners[name]
        if listener is not None:
            server = WebServer(
                listener, application(site), certificate, report=site.report, alarm=alarm
            )
            stack.push_async_callback(server.stop)
            await server.wait_started()
