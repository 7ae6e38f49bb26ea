"""The faces behind the console's listener: pages and APIs, each with its routes."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from gatepost.app.console_pages import ConsolePages
from gatepost.app.console_parts import ConsoleParts
from gatepost.app.mailbox_site import OpenMailbox
from gatepost.console.access.gate import Gate
from gatepost.console.access.routes import role_routes
from gatepost.console.pages import Pages
from gatepost.console.sign_in import SignInPage
from gatepost.console.static_files import static_route
from gatepost.model.console_access import API_PREFIX
from gatepost.rest.console_api.face import console_api_face
from gatepost.rest.console_api.site import ConsoleApiSite
from gatepost.rest.inboxes import inboxes_face
from gatepost.rest.mailbox import MAILBOX_PREFIXES, MailboxSite, mailbox_face


def console_routes(
    gate: Gate, parts: ConsoleParts, mailbox: OpenMailbox, pages: ConsolePages
) -> Sequence[BaseRoute]:
    """Return the routes of all faces.

    Only those of signing in and the static files are for anybody; each other one is made by
    ``console.access.routes.role_routes`` from a ConsoleEndpoint, whose role it needs.
    """
    api = parts.api
    members, intake = _InboxMembers(mailbox.site), mailbox.site.intake
    site = ConsoleApiSite(api.operate, api.events.bus, intake, members.has)
    report = parts.relay.report
    return [
        static_route(),
        *SignInPage(gate, Pages(), parts.command, report).routes(),
        *role_routes("", pages.face(), report),
        *(
            route
            for prefix in MAILBOX_PREFIXES
            for route in role_routes(prefix, mailbox_face(mailbox.site), report)
        ),
        *role_routes(API_PREFIX, inboxes_face(mailbox.inboxes), report),
        *role_routes(API_PREFIX, console_api_face(site), report),
    ]


class _InboxMembers:
    """Knows which messages are in an inbox."""

    def __init__(self, mailbox: MailboxSite) -> None:
        self._mailbox = mailbox

    async def has(self, message: str, inbox: str) -> bool:
        """Tell whether a message is in the inbox with this id."""
        found = self._mailbox.inbox_of(inbox)
        if found is None:
            return False
        try:
            await found.entry(message)
        except KeyError:
            return False
        return True
