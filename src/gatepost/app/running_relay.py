"""The composition root: a relay by its configuration, and by one configuration after another."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gatepost.app import follow_cluster
from gatepost.app.api import Apis
from gatepost.app.console_api import ConsoleApi
from gatepost.app.emulation import (
    make_quotas,
    open_clock,
    open_reports,
)
from gatepost.app.faulty_certificates import FaultyCertificates
from gatepost.app.feedback import ProviderWebhooks, open_configured_webhooks, open_feedback
from gatepost.app.inbound import Inbound
from gatepost.app.make_directories import Directories, PreparedDirectory
from gatepost.app.make_listeners import client_limits
from gatepost.app.message_ids import ids_of, make_ids
from gatepost.app.provision_certificates import provide_certificates
from gatepost.app.ready_json import remove_ready, write_ready
from gatepost.app.relay_faces import (
    console_parts,
    health_checks,
    make_control_server,
    make_site,
    ready_document,
)
from gatepost.app.relay_parts import PreparedConfiguration, RelayParts, refusal_reason
from gatepost.app.relay_store import RelayStore
from gatepost.app.reload_checks import check_reloadable
from gatepost.app.scripted_failures import FailureRulesFile, make_failure_rules
from gatepost.app.scripted_records import ScriptedRecords
from gatepost.app.served_console import PreparedConsole, ServedConsole
from gatepost.app.store_opening import open_watched
from gatepost.config.problems import ConfigProblems
from gatepost.config.settings import Configuration
from gatepost.control.administration.accounts import account_admin
from gatepost.control.administration.directory_changes import AdminContext
from gatepost.control.administration.exchange import exchange_admin
from gatepost.control.server_operations import ServerControl
from gatepost.control.session_operations import SessionControl
from gatepost.errors import ConfigError, GatepostError
from gatepost.keys.store_key import SealedAccessKeys, open_key
from gatepost.model.operator_event import ReportEvent
from gatepost.net.atomic_files import keep_out_of_git, remove_file
from gatepost.net.dns import DnsResolver
from gatepost.net.http_client import HttpClient
from gatepost.net.systemd import reload_begins, try_notify
from gatepost.operator_log.writer import Reporter
from gatepost.policy.client_limits import ClientCounts, LocalClientCounter
from gatepost.policy.quotas import LocalQuotas
from gatepost.processes.control_socket import SOCKET
from gatepost.processes.event_loop import DRAIN, side_by_side
from gatepost.processes.open_files import too_few_files
from gatepost.relay.safe_error_text import explain
from gatepost.relay.session_archive import SessionArchive
from gatepost.relay.session_recorder import SessionRecorder
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.spool import Budget
from gatepost.web.health import serve_health
from gatepost.wire.server.replies import replies_with

if TYPE_CHECKING:
    from gatepost.app.outbound import Outbound

ENTRA_DEADLINE = 10.0
"""Seconds for a token endpoint to answer."""
ON_THE_WIRE: Final = DRAIN - 1
"""Seconds at the end for deliveries; then they are written down, and servers are told."""
DRAIN_PATIENCE: Final = 60.0
"""The same if an operator drains the node, and nobody waits for its end."""


class RunningRelay(RelayParts):
    """A relay that accepts mail, and takes one configuration after another."""

    def __init__(
        self, read: Callable[[], Configuration], report: Reporter, stack: AsyncExitStack
    ) -> None:
        """``read`` returns the configuration, again at each reload; ``stack`` closes everything in
        the reverse order."""
        super().__init__(report)
        self._read, self._stack = read, stack

    async def start(self) -> None:
        """Open everything, and accept.

        Raises GatepostError: ConfigProblems, StoreLocked for a directory that another relay uses,
        PortBusy for a port.
        """
        config, stack = self._read(), self._stack
        _warn(config, self.report)
        self.clock = open_clock(config, self.report)
        self.data = config.storage.directory.resolve()
        self.store, self.failed = open_watched(self.data, config.storage, self.report)
        stack.callback(self.store.close)
        remove_ready(self.data)
        if config.provisioning is not None:
            keep_out_of_git(self.data)
        self.webhooks = ProviderWebhooks(config, stack)
        self.apis, self.key = Apis(config, self.report, stack), open_key(self.data)
        self.console = ServedConsole(self.key, self.clock, self.report)
        console = self.console.prepare(config)
        stack.push_async_callback(self.console.abandon, console)
        await self._open_parts(config)
        directory = await self._prepare_directory(config)
        directory.take(self.directory)  # now, so that listeners offer its mechanisms
        await self._open_reports(config)
        first = self._prepare(config, directory)
        stack.callback(first.listeners.close)
        served = first.listeners.config.console
        first = replace(first, console=replace(console, settings=served))
        await self._begin(first)

    async def _open_parts(self, config: Configuration) -> None:
        """Make what prepares the parts of a configuration, and outlives it."""
        report, clock = self.report, self.clock
        entra = HttpClient(ca_file=config.ca_file or None, timeout=ENTRA_DEADLINE)
        self._stack.push_async_callback(entra.close)
        self.directories = Directories(self.store, self.key, entra, report, clock)
        if config.apis or config.provisioning is not None:
            await self.directories.open_tokens()
        if config.emulation is None:
            self.clients = ClientCounts(client_limits(config.limits), clock.monotonic)
            if self.store.cluster is not None:
                self.clients.share(follow_cluster.failure_counts(self.store.cluster))
        else:
            self.quotas = make_quotas(config.emulation.profile, self.directories, clock)
        self._counted = make_ids(await self.store.new_epoch())
        self.relay = Relay(
            directory=self.directory,
            store=self.store,
            budget=Budget(self.data, config.limits.memory),
            report=report,
            next_id=self._counted,
            now=clock.now,
            clients=LocalClientCounter(self.clients) if self.clients is not None else None,
        )
        if not config.captures:
            from gatepost.app.outbound import open_outbound  # noqa: PLC0415 - `up` does without

            self.outbound = await open_outbound(
                config, self.store, self.key, self.relay, self._stack
            )
        if config.records_sessions:
            self.sessions = self._record_sessions()
            self.relay.recorder = self.sessions.recorder
        if config.failures is not None:
            faulty = FaultyCertificates(self.data, self.served_listeners)
            self.failures = make_failure_rules(
                self.key, clock, self.directories.application_name, faulty.make,
                captures=config.captures,
            )  # fmt: skip
            self.failures_file = FailureRulesFile(self.failures, config, report)
            await ScriptedRecords(self.store, self.failures).load()
            self.failures_file.watch(self._stack)
            self.relay.failures = self.failures
        self.inbound = Inbound(self.relay, report, config)

    def _record_sessions(self) -> SessionControl:
        """Return the recorder of the sessions of this process, with their archive."""
        archive, made = SessionArchive(), self.directories
        return SessionControl(
            archive,
            SessionRecorder(
                self.clock.now, time.monotonic, archive.add_recording, archive.note_message
            ),
            made.application_name,
            made.application_of,
            self.place_of_listener,
        )

    async def _prepare_directory(self, config: Configuration) -> PreparedDirectory:
        try:
            return await self.directories.make(config.directories)
        except ValueError as error:
            raise ConfigError(f"the directory cannot be read: {error}") from error

    async def _open_reports(self, config: Configuration) -> None:
        """Open what makes reports, before anything is delivered."""
        if (rules := config.reports) is None:
            return
        self.reports = await open_reports(rules, self.store, self.directories, self.origin(config))
        if self.outbound is not None:
            open_feedback(
                config.events, self.reports, self.outbound, self.relay, self.store,
                config.storage.history,
            )  # fmt: skip

    def _prepare(
        self, config: Configuration, directory: PreparedDirectory
    ) -> PreparedConfiguration:
        """Create everything of a configuration that can fail; front processes come next."""
        delivery = self.outbound.prepare(config) if self.outbound is not None else None
        served, trusted = provide_certificates(config, self.report)
        listeners = self.inbound.prepare(served, directory.directory.mechanisms)
        return PreparedConfiguration(config, directory, listeners, delivery, trusted)

    async def _begin(self, first: PreparedConfiguration) -> None:
        """Put the first configuration into effect."""
        config, stack, store, outbound = first.config, self._stack, self.store, self.outbound
        if self.reports is not None:
            await self.reports.serve()
            stack.push_async_callback(self.reports.close)
            await open_configured_webhooks(config.events, self.reports, self.relay, stack)
            if self.failures is not None:
                self.reports.report_creator.scripted = self.failures.outcomes
        self._use(first)
        if outbound is not None and first.delivery is not None:
            await outbound.start(first.delivery)
            stack.push_async_callback(outbound.stop, ON_THE_WIRE)
            self.relay.use_store(outbound.store)
        served = make_control_server(self)
        if store.cluster is not None and served.queue is not None:
            reload = follow_cluster.reload_of(self.directories, self.reports)
            follow_cluster.ClusterFollower(
                self.report, outbound, served.queue, reload, self.drained
            ).follow(store.cluster)
        control = await served.serve()
        stack.callback(remove_file, self.data / SOCKET)
        stack.callback(control.close)
        stack.push_async_callback(stop_all, self.inbound, outbound, store)
        if served.doctor is not None:
            stack.push_async_callback(served.doctor.close)
        server = ServerControl(
            self.data, store, lambda: self.title, lambda: self.now.config.storage,
            lambda: refusal_reason(store),
        )  # fmt: skip
        self.api = ConsoleApi(served, self.clock, server)
        if config.console is not None:
            await self.api.start(self.report, stack)
        await self.inbound.start(first.listeners)
        self.health = await serve_health(config.health, health_checks(self, served.queue), stack)
        if config.apis:
            apis = first.listeners.config.apis
            await self.apis.serve(apis, make_site(self), self.relay, self.clients, stack)
        await self.webhooks.serve(self.relay, outbound, store, stack)
        await self.console.take(first.console, partial(console_parts, self))
        stack.push_async_callback(self.console.close)

    def _use(self, prepared: PreparedConfiguration) -> None:
        """Put into effect what can be replaced in place."""
        self.now, config, relay = prepared, prepared.config, self.relay
        relay.directory = self.directory.inner
        relay.next_id = ids_of(config, self._counted)
        relay.budget.total = config.limits.memory // (config.workers + 1)
        if prepared.delivery is not None:
            relay.router = prepared.delivery.deliverer.routes.router
        if self.clients is not None:
            self.clients.limits = client_limits(config.limits)
        if self.quotas is not None and config.emulation is not None:
            profile = config.emulation.profile
            self.quotas.configure(profile.strict, replies_with(profile.replies))
            relay.quotas = LocalQuotas(self.quotas) if profile.has_limits else None
            relay.login_delay = profile.strict.login_delay
        if self.failures_file is not None:
            self.failures_file.use(config)
        self._open_administration(config)
        self.directories.tell_damaged()

    def _open_administration(self, config: Configuration) -> None:
        made = self.directories
        self.admin.accounts = account_admin(made.accounts, self.key) if made.accounts else None
        self.admin.exchange = exchange_admin(made.exchange, made.azure, self.clock.now)
        if made.azure is not None and made.profile is not None:
            self.admin.azure = AdminContext(
                made.azure,
                SealedAccessKeys(self.key),
                self.clock.now,
                self.origin(config),
                # those of a file are for MX only
                DnsResolver(config.dns.nameservers if config.emulation else (), cached=0),
                made.profile.directory.domain_verification,
            )

    async def drain(self) -> None:
        """Accept nothing more, hand back the mail that is not being sent, and finish the rest; the
        health check says so."""
        self.is_draining = True
        patience = DRAIN_PATIENCE if self.drained.done() else ON_THE_WIRE
        if self.store.cluster is not None and not self.store.has_failed:
            await follow_cluster.announce_drain(self.store.cluster)
        await stop_all(self.inbound, self.outbound, self.store, patience)

    def tell_ready(self) -> dict[str, Any]:
        """Write ready.json and return it."""
        document = ready_document(self)
        try:
            write_ready(self.data, document)
        except OSError as error:  # on a full disk the queue can still drain
            self.report("ready_not_written", reason=error.strerror or str(error))
        return document

    async def reload(self) -> dict[str, Any] | None:
        """Read the configuration again and use it; an invalid one is refused, and nothing changes.

        Returns the new ready.json; None if the configuration was refused.
        """
        try_notify(reload_begins())
        try:
            following = await self._prepare_reload()
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

    async def _prepare_reload(self) -> PreparedConfiguration:
        """Prepare the configuration that is there now, while the current one is in use."""
        config = await asyncio.to_thread(self._read)
        _warn(config, self.report)
        check_reloadable(self.now.config, config)
        following = self._prepare(config, await self._prepare_directory(config))
        console = PreparedConsole()
        try:
            console = self.console.prepare(following.listeners.config)
            await self.inbound.start_fronts(following.listeners)
        except BaseException:
            await self.console.abandon(console)
            await self.inbound.abandon(following.listeners)
            raise
        return replace(following, console=console)

    async def _apply(self, following: PreparedConfiguration) -> dict[str, Any] | None:
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
        self.report("reloaded", config=following.config.file)
        return document

    async def _take(self, following: PreparedConfiguration) -> None:
        """Put it into effect."""
        following.directory.take(self.directory)
        self._use(following)
        await self.directory.forget()
        azure = self.admin.azure
        self.apis.reload(
            self.directories.profile,
            quotas=self.api_quotas(),
            resolver=azure.resolver if azure is not None else None,
        )
        steps = [self.inbound.take(following.listeners)]
        if self.outbound is not None and following.delivery is not None:
            # New mail uses the new routes while the last attempts by the old ones finish.
            steps.insert(0, self.outbound.change(following.delivery))
        await side_by_side(*steps)
        if following.console.settings is not None:
            await self.api.start(self.report, self._stack)
        await self.console.take(following.console, partial(console_parts, self))


async def stop_all(
    inbound: Inbound, outbound: "Outbound | None", store: RelayStore, patience: float = ON_THE_WIRE
) -> None:
    """End sessions and delivery at the same time; the queue keeps what is accepted meanwhile.

    If the store has failed, current attempts are aborted at once, because their results cannot be
    recorded; the next start repeats them.
    """
    steps = [inbound.stop()]
    if outbound is not None:
        steps.append(outbound.stop(0.0 if store.has_failed else patience))
    await side_by_side(*steps)


def _warn(config: Configuration, report: ReportEvent) -> None:
    too_few = "" if config.emulation else too_few_files(config.limits.connections)
    for each in filter(None, (*config.warnings, too_few)):
        report("config_warning", reason=str(each))
