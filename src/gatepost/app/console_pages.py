"""The pages of the console over the parts of a relay."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from gatepost.app.console_parts import ConsoleParts
from gatepost.console.access.gate import Gate
from gatepost.console.access.routes import ConsoleHandler, Face
from gatepost.console.backend import Backend
from gatepost.console.directory_pages import DirectoryPages
from gatepost.console.doctor_pages import DoctorPages
from gatepost.console.failure_pages import FailurePages
from gatepost.console.log_pages import LogPages
from gatepost.console.mail_pages import MailPages
from gatepost.console.page_parts import Desk
from gatepost.console.pages import Pages
from gatepost.console.queue_pages import QueuePages
from gatepost.console.report_pages import ReportPages
from gatepost.console.session_pages import SessionPages
from gatepost.console.settings_pages import SettingsPages
from gatepost.console.upstream_pages import UpstreamPages
from gatepost.model.console_access import ConsoleEndpoint
from gatepost.rest.mailbox import MailboxSite


class _PageGroup(Protocol):
    """Some pages."""

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return their endpoints with their handlers."""


PAGES: Final[Mapping[str, Callable[[Backend, Desk], _PageGroup]]] = {
    "sessions": SessionPages,
    "failures": FailurePages,
    "events": ReportPages,
    "doctor": DoctorPages,
    "queue": QueuePages,
    "upstreams": UpstreamPages,
    "directory": DirectoryPages,
    "log": LogPages,
    "": SettingsPages,
}
"""The pages besides those of mail, by the command whose operations they need; empty: none."""


class ConsolePages:
    """The pages of one relay; close them at the end."""

    def __init__(self, gate: Gate, parts: ConsoleParts, site: MailboxSite) -> None:
        mailbox = site.mailbox
        backend = Backend(
            gate, parts.title, parts.api.operate, _commands(parts), parts.ready, parts.relay.now,
            mailbox, site.release, site.application_name,
        )  # fmt: skip
        desk = Desk(backend, Pages(lambda: _banner(parts)))
        self._mail = MailPages(backend, desk, mailbox)
        self._others = [
            make(backend, desk)
            for command, make in PAGES.items()
            if not command or backend.has(command)
        ]

    def face(self) -> Face:
        """Return the endpoints of all pages with their handlers."""
        return [*self._mail.face(), *[each for one in self._others for each in one.face()]]

    async def close(self) -> None:
        """Do what was to be done later."""
        await self._mail.deletions.close()


def _banner(parts: ConsoleParts) -> str:
    """Return what every page says: that rules may affect real mail."""
    return "failures" if parts.delivers and parts.control().failures is not None else ""


def _commands(parts: ConsoleParts) -> frozenset[str]:
    """Return the commands whose operations the relay has."""
    control = parts.control()
    present = {
        "clock": control.clock is not None,
        "directory": True,
        "doctor": True,
        "events": control.events is not None,
        "failures": control.failures is not None,
        "log": True,
        "queue": parts.delivers,
        "sessions": control.sessions is not None,
        "upstreams": parts.delivers,
    }
    return frozenset(name for name, has in present.items() if has)
