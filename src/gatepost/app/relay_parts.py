"""The parts of a running relay, and what can be asked of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gatepost.app.api import Apis
from gatepost.app.console_api import ConsoleApi
from gatepost.app.feedback import ProviderWebhooks
from gatepost.app.inbound import Inbound, PreparedListeners
from gatepost.app.make_directories import Directories, PreparedDirectory, ServedDirectory
from gatepost.app.ready_json import Trusted
from gatepost.app.relay_store import RelayStore
from gatepost.app.scripted_failures import FailureRulesFile
from gatepost.app.served_console import PreparedConsole, ServedConsole
from gatepost.config.settings import Configuration, ListenerSettings
from gatepost.control.administration.operations import AdminDispatch
from gatepost.control.session_operations import SessionControl
from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.keys.store_key import Key
from gatepost.net.clock import Clock
from gatepost.net.listen import Listener
from gatepost.operator_log.writer import Reporter
from gatepost.policy.client_limits import ClientCounts
from gatepost.policy.quotas import LocalQuotas, SubscriptionQuotas
from gatepost.relay.failure_rules import LocalFailureRules
from gatepost.relay.shared_by_connections import Relay
from gatepost.reports.report_service import ReportService
from gatepost.rest.site import MessageLimits, Suppression

if TYPE_CHECKING:
    from gatepost.app.outbound import DeliverySetup, Outbound

SUBMISSION: Final = 587
"""The port in code examples, of a listener on a Unix socket."""


@dataclass(frozen=True, slots=True)
class PreparedConfiguration:
    """Everything of a configuration that can fail, before it is put into effect."""

    config: Configuration
    """As it was read."""
    directory: PreparedDirectory
    listeners: PreparedListeners
    delivery: "DeliverySetup | None"
    """None: all mail is captured."""
    trusted: Trusted | None
    """None: the certificates are the operator's."""
    console: PreparedConsole = field(default_factory=PreparedConsole)


class RelayParts:
    """The parts of a running relay. What a configuration does not have is None."""

    clock: Clock
    data: Path
    store: RelayStore
    failed: "asyncio.Future[str]"
    """Done, with the reason, if the relay must not continue."""
    key: Key
    apis: Apis
    webhooks: ProviderWebhooks
    directories: Directories
    relay: Relay
    inbound: Inbound
    console: ServedConsole
    api: ConsoleApi
    now: PreparedConfiguration
    """The configuration in effect."""
    clients: ClientCounts | None = None
    quotas: SubscriptionQuotas | None = None
    outbound: "Outbound | None" = None
    reports: ReportService | None = None
    health: Listener | None = None
    sessions: SessionControl | None = None
    failures: LocalFailureRules | None = None
    failures_file: FailureRulesFile | None = None
    is_draining = False
    """It hands back its mail, and stops."""

    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.drained: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done, with the reason, if somebody wants this node to stop."""
        self.directory = ServedDirectory()
        """That of front processes; connections of this one have ``relay.directory``."""
        self.admin = AdminDispatch()

    def place_of_listener(self, name: str) -> Placeholders:
        """Return where clients connect to a listener, for code examples."""
        opened = self.inbound.open_listeners
        port = next((each.listener.port for each in opened if each.settings.name == name), 0)
        host = "localhost" if self.now.config.provisioning else self.now.config.hostname
        return Placeholders(host, port or SUBMISSION)

    def served_listeners(self) -> Sequence[ListenerSettings]:
        return [each.settings for each in self.inbound.open_listeners]

    def origin(self, config: Configuration) -> str | None:
        """Return the ``https://HOST:PORT`` of the APIs, with a name in the certificate."""
        name = "localhost" if config.provisioning is not None else config.hostname
        return self.apis.origin(name)

    def suppression(self) -> Suppression | None:
        """Return what knows to whom the APIs send nothing."""
        events = self.now.config.events
        if self.reports is None or (events is not None and not events.suppress):
            return None
        return self.reports.report_creator

    @property
    def title(self) -> str:
        """What this server is, for people."""
        config = self.now.config
        return config.hostname if config.emulation is None else config.emulation.profile.name

    def message_size(self) -> int:
        """Return the maximum size of a message, in octets."""
        config = self.now.config
        limit = config.limits.message_size
        if config.emulation is None:
            return limit
        return min(limit, config.emulation.profile.limits.message_size)

    def api_quotas(self) -> LocalQuotas | None:
        if self.quotas is None or self.relay.quotas is None:
            return None
        return LocalQuotas(self.quotas, owner="rest", face="rest")

    def bounds(self) -> MessageLimits:
        """Return the limits of messages that the APIs take."""
        limits = self.now.config.limits
        if self.now.config.emulation is not None:
            return MessageLimits()
        return MessageLimits(limits.message_size, limits.recipients)


def refusal_reason(store: RelayStore) -> str:
    """Return why no mail is accepted now; empty if it is."""
    return "the store has failed" if store.has_failed else store.refusal
