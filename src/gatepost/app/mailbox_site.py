"""The mailbox of a relay, for what is served on the console's listener."""

import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version

from gatepost.app.api_descriptions import describe_mailbox_api, describe_own_api
from gatepost.app.console_parts import ConsoleParts
from gatepost.app.lanes import Lanes, LaneStore
from gatepost.app.relay_store import RelayStore
from gatepost.control.chaos_rules import ChaosRules
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Application
from gatepost.directory.azure.login_checks import resolve
from gatepost.directory.azure.snapshot import ClaimedIdentity
from gatepost.mailbox.entries import MessageFacts
from gatepost.mailbox.lanes import LaneMessages
from gatepost.mailbox.mailbox import Inbox, Mailbox, MailboxChange
from gatepost.mailbox.message_documents import ReleaseMessage
from gatepost.model.message import StoredMessage, Submission
from gatepost.relay.failure_rules import LocalFailureRules
from gatepost.rest.inboxes.site import InboxesSite
from gatepost.rest.mailbox import MailboxSite
from gatepost.rest.mailbox.site import ServerNumbers
from gatepost.rest.request_bodies import Intake
from gatepost.store.sqlite.recovery import DATABASE


@dataclass(frozen=True, slots=True)
class OpenMailbox:
    """The mailbox of a relay, with what its APIs need. Close it at the end."""

    mailbox: Mailbox
    site: MailboxSite
    lanes: Lanes | None
    """None: all mail is not kept here."""
    inboxes: InboxesSite

    def releasing(self, parts: ConsoleParts, route: str) -> "OpenMailbox":
        """Return the same, but messages are released by this route; empty: they are not."""
        site = replace(self.site, release=_release(parts, route))
        return replace(self, site=site, inboxes=replace(self.inboxes, mailbox=site))

    async def close(self) -> None:
        """End the lanes, and stop indexing."""
        if self.lanes is not None:
            await self.lanes.close()
        await self.mailbox.close()


async def open_mailbox(parts: ConsoleParts, url: str, release_route: str = "") -> OpenMailbox:
    """Open the mailbox, which begins to index.

    ``url`` is the address of its API, ``release_route`` the name of the route by which messages are
    released; empty: they are not.
    """
    relay, messages = parts.relay, LaneMessages()
    failures = relay.failures
    facts = _Facts(parts, messages)
    mailbox = Mailbox(parts.store, facts)
    lanes = Lanes(parts, mailbox, messages)
    if isinstance(failures, LocalFailureRules):
        lanes.on_delete = failures.book.delete_all
    mailbox.listeners.add(lambda change: _forget(messages, change))
    if not parts.delivers:
        await lanes.restore()
    await mailbox.start(relay.report)
    if not parts.delivers:
        await lanes.delete_orphans()
    site = MailboxSite(
        mailbox=mailbox,
        intake=Intake(relay.budget, relay.report),
        inbox_of=_Inboxes(mailbox, messages).find,
        put=partial(_put, parts.store, messages),
        next_id=lambda: relay.next_id(),  # noqa: PLW0108 - a reload replaces it
        now=relay.now,
        host=parts.host,
        message_size=parts.message_size,
        numbers=lambda: _numbers(parts),
        chaos=ChaosRules(failures) if isinstance(failures, LocalFailureRules) else None,
        refusal=parts.refusal,
        release=_release(parts, release_route),
        application_name=facts.application_name,
        describe=describe_mailbox_api,
    )
    keeper = None if parts.delivers else lanes
    ca_file = parts.ready().get("ca_file")
    return OpenMailbox(
        mailbox, site, keeper, InboxesSite(site, keeper, url, ca_file, describe_own_api)
    )


async def _put(
    store: RelayStore, messages: LaneMessages, submission: Submission, inbox: str
) -> None:
    """Store a message; in the path of a lane it belongs to the lane."""
    if inbox in messages.names:
        await LaneStore(store, inbox, messages).put(submission)
    else:
        await store.put(submission)


def _release(parts: ConsoleParts, route: str) -> ReleaseMessage | None:
    if not route:
        return None
    from gatepost.app.release import make_release  # noqa: PLC0415 - delivery is large

    return make_release(parts, route)


def _forget(messages: LaneMessages, change: MailboxChange) -> None:
    if change.kind == "message":
        messages.forget(change.ids)


class _Inboxes:
    """The inboxes that have a path."""

    def __init__(self, mailbox: Mailbox, messages: LaneMessages) -> None:
        self._mailbox, self._messages = mailbox, messages

    def find(self, name: str) -> Inbox | None:
        """Return an inbox by the id that the list of inboxes shows."""
        if name in self._messages.names:
            return self._mailbox.inbox("lane", name)
        kind, colon, rest = name.partition(":")
        if colon and kind in ("application", "username") and rest:
            return self._mailbox.inbox("application" if kind == "application" else "username", rest)
        return self._mailbox.everything() if name == "all" else None


class _Facts:
    """What the directory and the reports know of messages."""

    def __init__(self, parts: ConsoleParts, lanes: LaneMessages) -> None:
        self._parts, self._lanes = parts, lanes
        self._version = -1
        self._applications: dict[str, tuple[str, str]] = {}

    def __call__(self, message: StoredMessage) -> MessageFacts:
        """Return what is known of a message now."""
        id_, name = self._application_of(message.principal)
        failures = self._parts.relay.failures
        injected = failures.injected if isinstance(failures, LocalFailureRules) else {}
        return MessageFacts(
            application=name,
            application_id=id_,
            injected=injected.get(message.id, ()),
            lane=self._lanes.lane_of(message.id, message.principal),
            session=self._parts.api.session_of(message.id),
            outcomes=self._outcomes(message),
        )

    def application_name(self, id_: str) -> str:
        """Return the name of an application; its id if it was deleted."""
        directory = self._parts.azure()
        application = directory.get(Application, id_) if directory is not None else None
        return application.display_name if application is not None else id_

    def _application_of(self, principal: str) -> tuple[str, str]:
        """Return the id and name of the application that signed in with this name."""
        directory = self._parts.azure()
        if directory is None or not principal:
            return "", ""
        if self._version != directory.version:
            self._version = directory.version
            self._applications.clear()
        if principal not in self._applications:
            self._applications[principal] = _find_application(directory, principal)
        return self._applications[principal]

    def _outcomes(self, message: StoredMessage) -> tuple[tuple[str, str], ...]:
        reports = self._parts.reports
        if reports is None:
            return ()
        outcome_of = reports.report_creator.scripted_outcome_of
        return tuple([(each, outcome_of(message.id, each).status) for each in message.rcpt_to])


def _find_application(directory: AzureDirectory, principal: str) -> tuple[str, str]:
    claim = resolve(directory.snapshot, principal)
    if isinstance(claim, ClaimedIdentity):
        id_ = claim.application_id
    else:  # of Microsoft Graph: without a resource
        id_ = principal.split(".")[-2] if principal.count(".") >= 2 else ""
    application = directory.get(Application, id_) if id_ else None
    return (application.id, application.display_name) if application is not None else ("", "")


def _numbers(parts: ConsoleParts) -> ServerNumbers:
    database = parts.data / DATABASE
    return ServerNumbers(
        version=version("gatepost"),
        database=str(parts.data),
        database_size=database.stat().st_size if database.exists() else 0,
        uptime=int(time.monotonic() - parts.started),
        memory=_memory(),
    )


def _memory() -> int:
    """Return the most memory that this process had, in octets."""
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415 (not on every platform)

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
