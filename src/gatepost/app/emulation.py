"""What a relay that imitates a provider has besides: its clock, its quotas, its reports."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from gatepost.app.follow_cluster import share_webhooks
from gatepost.app.make_directories import Directories
from gatepost.app.relay_store import RelayStore
from gatepost.config.settings import Configuration
from gatepost.control.clock import AheadClock, ClockControl
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Domain
from gatepost.keys.store_key import DIGESTS
from gatepost.model.credentials import Principal
from gatepost.model.operator_event import ReportEvent
from gatepost.model.profile import EventRules, Profile
from gatepost.net.clock import Clock, SystemClock
from gatepost.policy.quotas import SubscriptionQuotas
from gatepost.policy.recipient_counts import RecipientCounts, RecipientLimits
from gatepost.reports.report_service import ReportService
from gatepost.wire.server.replies import replies_with


def open_clock(config: Configuration, report: ReportEvent) -> Clock:
    """Return the machine's clock, or the one of an emulation, which may be ahead of it. Raises
    ConfigError."""
    if config.emulation is None:
        return SystemClock()
    clock = AheadClock(config.storage.directory)
    if clock.ahead:
        report("clock_advanced", ahead=clock.ahead.total_seconds())
    return clock


def control_clock(
    clock: Clock,
    report: ReportEvent,
    reports: ReportService | None,
    forget: Callable[[], Awaitable[None]],
) -> ClockControl | None:
    """Return the operations of a clock that can be ahead; None for the machine's.

    ``forget`` returns when front processes, which have heard of the new time before, have dropped
    what they cached of the directory.
    """
    if not isinstance(clock, AheadClock):
        return None

    async def report_advance(ahead: timedelta) -> None:
        """Report the change, and wake everything that waits for a time."""
        report("clock_advanced", ahead=ahead.total_seconds())
        if reports is not None:
            reports.webhooks.wake()
        await forget()

    return ClockControl(clock, report_advance)


def make_quotas(profile: Profile, directories: Directories, clock: Clock) -> SubscriptionQuotas:
    """Return the counts of a provider's limits, of which a profile has some only if it is
    strict."""

    def is_managed(name: str) -> bool:
        domains = directories.azure.all(Domain) if directories.azure is not None else ()
        return any(each.is_managed for each in domains if each.mail_from_domain.lower() == name)

    replies = replies_with(profile.replies)
    recipients = None
    if profile.directory.kind == "exchange":
        recipients = RecipientCounts(partial(_recipient_limits, directories))
    return SubscriptionQuotas(profile.strict, replies, is_managed, clock.monotonic, recipients)


def _recipient_limits(directories: Directories, principal: Principal) -> RecipientLimits | None:
    """Return what the organisation allows a mailbox now."""
    if directories.exchange is None:
        return None
    organisation = directories.exchange.organisation
    mailbox = organisation.find_mailbox(principal.name)
    own = None if mailbox is None else mailbox.recipient_rate_limit
    return RecipientLimits(
        organisation.recipient_rate_limit if own is None else own,
        organisation.external_limit,
        organisation.is_internal,
        internal_only=directories.exchange.rules.is_high_volume,
    )


async def open_reports(
    rules: EventRules, store: RelayStore, directories: Directories, origin: str | None
) -> ReportService:
    """Return what makes reports about mail, once it serves; note damaged records.

    Without a directory that has resources, no report belongs to one.
    """
    azure, key, report = directories.azure, directories.key, directories.report
    now = directories.clock.now
    if azure is None:
        azure = AzureDirectory(store, digest_key=key.subkey(DIGESTS), clock=now)
    service = ReportService(store, azure, key, rules, report, now, origin)
    share_webhooks(store.cluster, service.webhooks)
    await service.load()
    directories.damaged.update(service.damaged)
    return service
