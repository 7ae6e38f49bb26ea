"""The pages of the console over the parts of a relay."""

from collections.abc import Mapping
from functools import partial

from gatepost.app.console_parts import ConsoleParts
from gatepost.console.access.gate import Gate
from gatepost.console.access.routes import Face
from gatepost.console.backend import Backend, Operate
from gatepost.console.mail_pages import MailPages
from gatepost.console.page_parts import Desk
from gatepost.console.pages import Pages
from gatepost.console.session_pages import SessionPages
from gatepost.console.settings_pages import SettingsPages
from gatepost.control.queue_operations import operate_queue
from gatepost.control.session_operations import operate_sessions
from gatepost.mailbox.mailbox import Mailbox
from gatepost.reports.event_operations import operate


class ConsolePages:
    """The pages of one relay; close them at the end."""

    def __init__(self, gate: Gate, parts: ConsoleParts, mailbox: Mailbox, pages: Pages) -> None:
        commands = _commands(parts)
        backend = Backend(gate, parts.title, commands, parts.ready, parts.relay.now, mailbox)
        desk = Desk(backend, pages)
        self._mail = MailPages(backend, desk, mailbox)
        self._others = [SettingsPages(backend, desk)]
        self._sessions = SessionPages(backend, desk) if backend.has("sessions") else None

    def face(self) -> Face:
        """Return the endpoints of all pages with their handlers."""
        sessions = self._sessions.face() if self._sessions is not None else []
        others = [each for pages in self._others for each in pages.face()]
        return [*self._mail.face(), *sessions, *others]

    async def close(self) -> None:
        """Do what was to be done later."""
        await self._mail.deletions.close()


def _commands(parts: ConsoleParts) -> Mapping[str, Operate]:
    """Return the operations of the relay by command, as over the control socket."""
    control, commands = parts.control(), dict[str, Operate]()
    if control.clock is not None:
        commands["clock"] = control.clock.operate
    if control.events is not None:
        commands["events"] = partial(operate, control.events)
    if control.sessions is not None:
        commands["sessions"] = partial(operate_sessions, control.sessions)
    if control.queue is not None and parts.delivers:
        commands["queue"] = partial(operate_queue, control.queue)
    if control.admin is not None:
        commands["administer"] = control.admin.administer
    return commands
