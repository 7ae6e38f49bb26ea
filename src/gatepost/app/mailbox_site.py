"""The mailbox of a relay, for what is served on the console's listener."""

import sys
import time
from importlib.metadata import version

from gatepost.app.console_parts import ConsoleParts
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Application
from gatepost.directory.azure.login_checks import resolve
from gatepost.directory.azure.snapshot import ClaimedIdentity
from gatepost.mailbox.entries import MessageFacts
from gatepost.mailbox.mailbox import Inbox, Mailbox
from gatepost.model.message import StoredMessage
from gatepost.reports.outcomes import decide
from gatepost.rest.mailbox import MailboxSite
from gatepost.rest.mailbox.site import ServerNumbers
from gatepost.rest.request_bodies import Intake
from gatepost.store.sqlite.recovery import DATABASE


async def open_mailbox(parts: ConsoleParts) -> MailboxSite:
    """Return the mailbox, which begins to index; close it at the end."""
    mailbox = Mailbox(parts.store, _Facts(parts))
    await mailbox.start(parts.relay.report)
    relay = parts.relay
    return MailboxSite(
        mailbox=mailbox,
        intake=Intake(relay.budget, relay.report),
        inbox_of=_Inboxes(mailbox).find,
        put=parts.store.put,
        next_id=lambda: relay.next_id(),  # noqa: PLW0108 - a reload replaces it
        now=relay.now,
        host=parts.host,
        message_size=parts.message_size,
        numbers=lambda: _numbers(parts),
    )


class _Inboxes:
    """The inboxes that have a path."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def find(self, name: str) -> Inbox | None:
        """Return an inbox by the id that the list of inboxes shows."""
        kind, colon, rest = name.partition(":")
        if colon and kind in ("application", "username") and rest:
            return self._mailbox.inbox("application" if kind == "application" else "username", rest)
        return self._mailbox.everything() if name == "all" else None


class _Facts:
    """What the directory and the reports know of messages."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._version = -1
        self._applications: dict[str, tuple[str, str]] = {}

    def __call__(self, message: StoredMessage) -> MessageFacts:
        """Return what is known of a message now."""
        id_, name = self._application_of(message.principal)
        return MessageFacts(application=name, application_id=id_, outcomes=self._outcomes(message))

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
        rules = reports.rules.by_target
        return tuple([(each, decide(each, rules).status) for each in message.rcpt_to])


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
