"""What the control socket, the APIs, the console and ready.json need of a running relay."""

import os
import shlex
import time
from pathlib import Path
from typing import Any

from gatepost.app.console_parts import ConsoleParts
from gatepost.app.emulation import control_clock
from gatepost.app.ready_json import describe
from gatepost.app.relay_parts import RelayParts, refusal_reason
from gatepost.config.preset import tls_of_ports
from gatepost.control.delivery_health import FACTS, DeliveryHealth
from gatepost.control.doctor_jobs import DoctorJobs
from gatepost.control.failure_operations import FailureControl
from gatepost.control.queue_control import QueueControl
from gatepost.control.socket_server import ControlServer
from gatepost.control.upstream_operations import UpstreamControl
from gatepost.keys.store_key import SealedAccessKeys
from gatepost.policy.client_limits import LocalClientCounter
from gatepost.queue.last_deliveries import ages_document
from gatepost.rest.site import OwnNames, Site
from gatepost.web.health import HealthChecks, health_url


def make_control_server(relay: RelayParts) -> ControlServer:
    """Return what answers at the control socket, or runs the operations of the console."""
    outbound, report = relay.outbound, relay.report
    deliverer = None if outbound is None else lambda: outbound.deliverer
    queue = QueueControl(
        relay.store.deliveries, relay.clock.now, deliverer, report, cluster=relay.store.cluster
    )
    doctor = DoctorJobs(relay.clock.now, relay.clock.monotonic)
    upstreams = None
    if outbound is not None:
        upstreams = UpstreamControl(
            queue,
            lambda: relay.now.config.routes,
            doctor,
            outbound.exchangers_of,
            outbound.certificates,
        )
    failures = None
    if relay.failures is not None:
        failures = FailureControl(relay.failures, captures=relay.now.config.captures)
    return ControlServer(
        relay.data,
        relay.relay.store,
        relay.directory,
        quotas=relay.quotas,
        clients=relay.clients,
        budget=relay.relay.budget,
        admin=relay.admin,
        events=relay.reports,
        queue=queue,
        clock=control_clock(relay.clock, report, relay.reports, relay.directory.forget),
        reporter=report,
        sessions=relay.sessions,
        failures=failures,
        doctor=doctor,
        upstreams=upstreams,
        console=relay.console.operate,
        cluster=relay.store.cluster,
    )


def health_checks(relay: RelayParts, queue: QueueControl | None) -> HealthChecks:
    """Return what the health check asks of this relay; other nodes hear what it has delivered."""
    store, outbound = relay.store, relay.outbound
    noted = None if outbound is None else outbound.last_deliveries
    if noted is not None and store.cluster is not None:
        store.cluster.describe(lambda: {FACTS: ages_document(noted.ages(time.monotonic()))})
    assert queue is not None  # noqa: S101 - each relay has one, if only an empty one
    delivery = DeliveryHealth(
        queue,
        noted,
        lambda: relay.now.config.routes,
        lambda: relay.now.config.degraded_after,
        time.monotonic,
    )
    return HealthChecks(
        lambda: refusal_reason(store),
        lambda: "" if store.cluster is None else store.cluster.warning,
        is_live=lambda: not store.has_failed,
        is_draining=lambda: relay.is_draining,
        scripts_failures=relay.failures is not None,
        delivering=delivery.look,
    )


def make_site(relay: RelayParts) -> Site:
    """Return what the APIs need of this relay."""
    from gatepost.rest.request_bodies import Intake  # noqa: PLC0415 - HTTP is large

    made, outbound, clients = relay.directories, relay.outbound, relay.clients
    assert made.azure is not None  # noqa: S101 - APIs need one
    assert made.profile is not None  # noqa: S101
    assert made.tokens is not None  # noqa: S101
    return Site(
        made.profile, made.azure, outbound or relay.store, SealedAccessKeys(relay.key),
        relay.report,
        now=relay.clock.now,
        tokens=made.tokens,
        intake=Intake(relay.relay.budget, relay.report),
        quotas=relay.api_quotas(),
        suppression=relay.suppression(),
        events=relay.reports,
        resolver=relay.admin.azure.resolver if relay.admin.azure is not None else None,
        seconds=relay.clock.monotonic,
        names=OwnNames(lambda: relay.apis.names),
        deliveries=None if outbound is None else relay.store.deliveries,
        router=None if outbound is None else lambda: outbound.store.router,
        bounds=relay.bounds,
        entra_tokens=lambda: made.entra_tokens,
        exchange=made.exchange,
        clients=None if clients is None else LocalClientCounter(clients, owner="api"),
    )  # fmt: skip


def console_parts(relay: RelayParts) -> ConsoleParts:
    """Return what the console needs of this relay."""
    return ConsoleParts(
        relay.relay,
        lambda: refusal_reason(relay.store),
        f"gatepost console --data {shlex.quote(str(relay.data))}",
        relay.store,
        relay.data,
        relay.now.config.hostname,
        lambda: relay.directories.azure,
        relay.reports,
        relay.message_size,
        relay.title,
        lambda: ready_document(relay),
        lambda: make_control_server(relay),
        relay.outbound is not None,
        lambda: relay.inbound.open_listeners,
        relay.admin,
        relay.api,
        relay.key,
        relay.directories.http,
    )


def ready_document(relay: RelayParts) -> dict[str, Any]:
    """Return the content of ready.json."""
    console = relay.console.document()
    seed = relay.failures.book.seed if relay.failures is not None else None
    return {**_main_document(relay), **console, "failures": {"seed": seed} if seed else None}


def _main_document(relay: RelayParts) -> dict[str, Any]:
    config, opened = relay.now.config, relay.inbound.open_listeners
    if relay.now.trusted is not None and config.emulation is not None:
        assert relay.now.directory.provided is not None  # noqa: S101
        smtp = {each.settings.name: each.listener for each in opened}
        apis = relay.apis.listeners
        listeners = {
            "smtp": smtp.get("smtp"), "smtps": smtp.get("smtps"),
            "https": apis.get("secure"), "http": apis.get("clear"),
        }  # fmt: skip
        return describe(
            os.getpid(), relay.data, listeners, relay.now.trusted,
            relay.now.directory.provided, tls_of_ports(config.emulation.profile),
        )  # fmt: skip
    return {
        "pid": os.getpid(),
        "data": str(relay.data),
        "config": str(Path(config.file).resolve()),
        "hostname": config.hostname,
        "listeners": [each.document() for each in opened],
        "health": health_url(relay.health) if relay.health else None,
        "api": relay.apis.url,
        "events": relay.webhooks.url,
    }
