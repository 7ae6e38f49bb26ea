"""``gatepost serve``: the production relay, from its configuration to a clean stop."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gatepost.app.api import Acceptance, Api, serve_api
from gatepost.app.composition import Composition
from gatepost.app.directories import Directories, PreparedDirectory, ServedDirectory
from gatepost.app.front_main import LoadedConfiguration
from gatepost.app.inbound import Inbound, PreparedListeners
from gatepost.app.listeners import client_limits
from gatepost.app.outbound import DeliverySetup, Outbound, OutboundContext
from gatepost.app.ready_json import write_ready
from gatepost.app.signals import OnReady, run_relay
from gatepost.config.load import load_config
from gatepost.config.problems import ConfigProblems
from gatepost.config.settings import AzureDirectorySettings, Configuration
from gatepost.control.administration.accounts import account_admin
from gatepost.control.administration.context import AdminContext
from gatepost.control.administration.operations import AdminDispatch
from gatepost.control.queue_operations import QueueControl
from gatepost.control.socket_server import ControlledParts
from gatepost.errors import ConfigError, GatepostError
from gatepost.keys.store_key import Key, SealedAccessKeys, keep_fingerprint, open_key
from gatepost.keys.token_signing import open_tokens
from gatepost.net.dns import DnsResolver
from gatepost.net.http import HttpClient
from gatepost.net.listen import Listener
from gatepost.net.rereadable_files import check_again
from gatepost.net.systemd import reload_begins, try_notify
from gatepost.operator_log.alarms import Alarms
from gatepost.operator_log.writer import Reporter
from gatepost.policy.client_limits import ClientCounts, LocalClientCounter
from gatepost.processes.runtime import DRAIN, attempts_within, side_by_side, too_few_files
from gatepost.relay.context import Relay, ReportEvent
from gatepost.relay.error_text import explain
from gatepost.relay.routed_store import RoutedOperations
from gatepost.rest.context import MessageLimits, Site
from gatepost.store.sqlite import SqliteStore
from gatepost.web.health import health_url, serve_health

ENTRA_DEADLINE = 10.0
"""Seconds for a token endpoint to answer."""
ON_THE_WIRE = DRAIN - 1
"""Seconds at the end for deliveries; then they are written down, and servers are told."""
_READS = 3


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options of the command line."""

    config: Path
    workers: int | None = None
    """Number of front processes; None: that of the configuration."""

    def read(self) -> LoadedConfiguration:
        """Read the configuration. Raises ConfigProblems, or ConfigError if there is no such
        file."""
        try:
            check_again(self.config)
        except OSError as error:
            message = f"the configuration cannot be read: {error.strerror or error}"
            raise ConfigError(message, where=str(self.config)) from error
        for _ in range(_READS):
            text = _text_of(self.config)
            config = load_config(self.config)
            if _text_of(self.config) == text:  # the file has not changed meanwhile
                workers = config.workers if self.workers is None else self.workers
                return LoadedConfiguration(replace(config, workers=workers), text, str(self.config))
        raise ConfigError("it is being written", where=str(self.config))


def _text_of(path: Path) -> str:
    """Return a file's text; empty if it cannot be read, which is reported elsewhere."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""


async def serve(options: ServeOptions, report: Reporter, on_ready: OnReady) -> int:
    """Run the relay until it is stopped; return the exit code. SIGHUP reloads.

    ``on_ready`` gets the document of ready.json, again after each reload. Raises GatepostError
    when it cannot start: ConfigProblems, StoreLocked, PortBusy.
    """
    return await run_relay(
        lambda stack: ServedRelay.start(options, report, stack), report, on_ready
    )


@dataclass(slots=True)
class ServedRelay:
    """Implements ``RunningRelay``: a relay, and what a reload changes in it."""

    options: ServeOptions
    report: ReportEvent
    data: Path
    key: Key
    loaded: LoadedConfiguration
    directory: ServedDirectory
    directories: Directories
    admin: AdminDispatch
    clients: ClientCounts
    outbound: Outbound
    inbound: Inbound
    relay: Relay
    failed: "asyncio.Future[str]"
    """Done, with the reason, if the relay must not continue."""
    health: Listener | None = None
    api: Api | None = None

    @classmethod
    async def start(
        cls, options: ServeOptions, report: Reporter, stack: AsyncExitStack
    ) -> "ServedRelay":
        """Open everything; ``stack`` closes it in the reverse order."""
        loaded = options.read()
        config = loaded.config
        _warn(config, report)
        composition = Composition.open(loaded, report, stack)
        data, store = composition.data, composition.store
        key, ca_file = open_key(data), config.ca_file or None
        http = HttpClient(ca_file=ca_file)
        stack.push_async_callback(http.close)
        entra = HttpClient(ca_file=ca_file, timeout=ENTRA_DEADLINE)
        stack.push_async_callback(entra.close)
        directories = Directories(store, key, entra, report)
        if config.api is not None:
            await keep_fingerprint(key, store)
            directories.tokens = await open_tokens(store, key, _now, directories.damaged)
        directory = await _first_directory(directories, config)
        clients = ClientCounts(client_limits(config.limits), time.monotonic)
        relay = await composition.make_relay(
            directory, now=_now, clients=LocalClientCounter(clients)
        )
        alarms = await Alarms.open(store)
        context = OutboundContext(
            store, key, http, report, relay.next_id, alarms, composition.alarm
        )
        outbound = Outbound(context, attempts_within(config.limits.connections))
        delivery = outbound.prepare(config)
        relay.router = delivery.routes.router
        inbound, listeners = composition.listen(relay, loaded)
        await outbound.start(delivery)
        stack.push_async_callback(outbound.stop, ON_THE_WIRE)
        relay.use_store(outbound.store)
        admin = AdminDispatch()
        queue = QueueControl(store.deliveries, _now, lambda: outbound.deliverer, report)
        shared = ControlledParts(None, clients, relay.budget, admin, queue=queue, reporter=report)
        await composition.serve_control(relay, shared)
        stack.push_async_callback(stop_all, inbound, outbound, store)
        service = cls(
            options, report, data, key, loaded, directory, directories, admin, clients,
            outbound, inbound, relay, composition.failed,
        )  # fmt: skip
        service._open_administration()
        await inbound.start(listeners)
        service.health = await serve_health(config.health, lambda: refusal_reason(store), stack)
        await service._serve_api(context, stack)
        return service

    async def _serve_api(self, context: OutboundContext, stack: AsyncExitStack) -> None:
        made, settings = self.directories, self.loaded.config.api
        if settings is None or made.azure is None or made.profile is None or made.tokens is None:
            return
        store = self.outbound.store
        acceptance = Acceptance(store, RoutedOperations(store, context.store.operations))
        make_site = partial(
            Site, made.profile, made.azure, acceptance, SealedAccessKeys(self.key), self.report,
            now=_now, tokens=made.tokens, resolver=DnsResolver(cached=0),
            router=lambda: store.router, bounds=self._bounds,
        )  # fmt: skip
        self.api = await serve_api(settings, make_site, self.relay, self.clients, stack)
        self._open_administration()  # it contains the API's address

    def _bounds(self) -> MessageLimits:
        limits = self.loaded.config.limits
        return MessageLimits(limits.message_size, limits.recipients)

    def tell_ready(self) -> dict[str, Any]:
        """Write ready.json and return it."""
        document = {
            "pid": os.getpid(),
            "data": str(self.data),
            "config": str(self.options.config.resolve()),
            "hostname": self.loaded.config.hostname,
            "listeners": [each.document() for each in self.inbound.open_listeners],
            "health": health_url(self.health) if self.health else None,
            "api": self.api.url if self.api else None,
        }
        try:
            write_ready(self.data, document)
        except OSError as error:  # on a full disk the queue can still drain
            self.report("ready_not_written", reason=error.strerror or str(error))
        return document

    def _open_administration(self) -> None:
        accounts, azure = self.directories.accounts, self.directories.azure
        self.admin.accounts = account_admin(accounts, self.key) if accounts else None
        if azure is not None:
            keys = SealedAccessKeys(self.key)
            api = self.api
            where = f"https://{self.loaded.config.hostname}:{api.listener.port}" if api else None
            self.admin.azure = AdminContext(azure, keys, _now, where, DnsResolver(cached=0))

    async def reload(self) -> dict[str, Any] | None:
        """Read the configuration again and use it; an invalid one is refused, and nothing changes.

        Returns the new ready.json; None if the configuration was refused.
        """
        try_notify(reload_begins())
        try:
            following = await self._prepare()
        except ConfigProblems as error:
            for each in error.problems:
                self.report("reload_refused", reason=str(each))
        except (GatepostError, ValueError, OSError) as error:
            self.report("reload_refused", reason=str(error))
        except Exception as error:  # noqa: BLE001 - mail goes on, whatever it is
            self.report(
                "reload_refused", reason=f"an unexpected error in Gatepost: {explain(error)}"
            )
        else:
            return await self._apply(following)
        finally:
            try_notify("READY=1")
        return None

    async def _apply(self, following: "_NextConfiguration") -> dict[str, Any] | None:
        """Put another configuration into effect.

        If that fails in the middle, the relay ends: half of a configuration is not what anybody
        wrote, and the next start uses the whole.
        """
        try:
            await self._take(following)
        except Exception as error:  # noqa: BLE001 - nothing of it is expected to fail
            if not self.failed.done():
                reason = f"the configuration could not be put in place: {explain(error)}"
                self.failed.set_result(reason)
            return None
        document = self.tell_ready()  # first, because readers of the event may read it at once
        self.report("reloaded", config=str(self.options.config))
        return document

    async def _prepare(self) -> "_NextConfiguration":
        """Create everything of another configuration that can fail, while the current one is in
        use."""
        loaded = await asyncio.to_thread(self.options.read)
        _warn(loaded.config, self.report)
        config = loaded.config
        _check_unchanged(self.loaded.config, config)
        workers = config.workers
        if bool(workers) != bool(self.loaded.config.workers):
            raise ConfigError("a change of workers from or to 0 needs a restart")
        delivery = self.outbound.prepare(config)
        prepared = await self.directories.make(config.directories)
        listeners = self.inbound.prepare(loaded, prepared.directory.mechanisms, workers)
        try:
            await self.inbound.start_fronts(listeners)
        except BaseException:
            await self.inbound.abandon(listeners)
            raise
        return _NextConfiguration(delivery, prepared, listeners)

    async def _take(self, following: "_NextConfiguration") -> None:
        """Put it into effect."""
        following.directory.take(self.directory)
        await self.directory.forget()
        if self.api is not None:
            self.api.certificates.try_reload(again=True)
        self._open_administration()
        delivery, listeners = following.delivery, following.listeners
        config, self.loaded = listeners.loaded.config, listeners.loaded
        self.clients.limits = client_limits(config.limits)
        self.relay.budget.total = config.limits.memory // (listeners.workers + 1)
        self.relay.router = delivery.routes.router
        # New mail uses the new routes while the last attempts by the old ones finish.
        await side_by_side(self.outbound.change(delivery), self.inbound.take(listeners))


@dataclass(frozen=True, slots=True)
class _NextConfiguration:
    """A prepared configuration."""

    delivery: DeliverySetup
    directory: PreparedDirectory
    listeners: PreparedListeners


async def _first_directory(directories: Directories, config: Configuration) -> ServedDirectory:
    try:
        prepared = await directories.make(config.directories)
    except ValueError as error:
        raise ConfigError(f"the directory cannot be read: {error}") from error
    served = ServedDirectory(prepared.directory)
    prepared.take(served)
    return served


async def stop_all(inbound: Inbound, outbound: Outbound, store: SqliteStore) -> None:
    """End sessions and delivery at the same time; the queue keeps what is accepted meanwhile.

    If the store has failed, current attempts are aborted at once, because their results cannot be
    recorded; the next start repeats them.
    """
    await side_by_side(inbound.stop(), outbound.stop(0.0 if store.has_failed else ON_THE_WIRE))


def refusal_reason(store: SqliteStore) -> str:
    """Return why no mail is accepted now; empty if it is."""
    return "the store has failed" if store.has_failed else store.refusal


def _warn(config: Configuration, report: ReportEvent) -> None:
    for each in filter(None, (*config.warnings, too_few_files(config.limits.connections))):
        report("config_warning", reason=str(each))


def _check_unchanged(before: Configuration, after: Configuration) -> None:
    for name in ("storage", "health", "api", "ca_file"):
        if getattr(before, name) != getattr(after, name):
            raise ConfigError(f"{name} cannot change without a restart")
    if after.api is not None and _azure_of(before) != _azure_of(after):
        raise ConfigError(
            "the azure directory, which [api] serves, cannot change without a restart"
        )


def _azure_of(config: Configuration) -> list[AzureDirectorySettings]:
    return [each for each in config.directories if isinstance(each, AzureDirectorySettings)]


def _now() -> datetime:
    return datetime.now(UTC)
