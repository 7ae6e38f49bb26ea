"""What the pages show, and what they do: the operations of the command line, in this process."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gatepost.console.access.gate import Gate
from gatepost.mailbox.mailbox import Mailbox
from gatepost.mailbox.message_documents import ReleaseMessage
from gatepost.model.console_access import ConsoleRole, ConsoleUser

Document = dict[str, Any]
Operate = Callable[[str, dict[str, Any]], Awaitable[Document]]
"""Runs an operation with its fields."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The relay behind the pages. What it does not have is None, or missing in ``commands``."""

    gate: Gate
    title: str
    """What the server is, in a few words."""
    operate: Operate
    """Runs the operations of Gatepost's own API, such as ``queue.why``."""
    commands: frozenset[str]
    """Those whose operations this relay has: ``queue``, ``sessions``, ``clock``."""
    ready: Callable[[], Mapping[str, Any]]
    """Returns the document of ready.json."""
    now: Callable[[], datetime]
    mailbox: Mailbox | None = None
    release: ReleaseMessage | None = None
    """Sends a captured message to addresses; None: this server sends nothing on."""
    application_name: Callable[[str], str] = str
    """Returns the name of an application with an id."""

    def has(self, command: str) -> bool:
        """Tell whether the relay has the operations of a command."""
        return command in self.commands

    async def call(self, operation: str, **fields: Any) -> Document:
        """Run an operation such as ``queue.why``; fields that are None are left out.

        Raises KeyError for an unknown object, and ValueError with a sentence.
        """
        return await self.operate(
            operation, {key: value for key, value in fields.items() if value is not None}
        )


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An entry of the navigation."""

    key: str
    path: str
    role: ConsoleRole
    command: str = ""
    """The command without which there is no such section."""


SECTIONS: Final = (
    MenuEntry("inbox", "/", "support"),
    MenuEntry("sessions", "/sessions", "support", "sessions"),
    MenuEntry("queue", "/queue", "viewer", "queue"),
    MenuEntry("upstreams", "/upstreams", "viewer", "upstreams"),
    MenuEntry("failures", "/failures", "support", "failures"),
    MenuEntry("events", "/events", "support", "events"),
    MenuEntry("doctor", "/doctor", "support", "doctor"),
    MenuEntry("log", "/log", "support", "log"),
    MenuEntry("directory", "/directory", "admin", "directory"),
    MenuEntry("settings", "/settings", "viewer"),
)


def menu_of(backend: Backend, user: ConsoleUser | None) -> list[MenuEntry]:
    """Return the sections that a user may open."""
    return [
        each
        for each in SECTIONS
        if user is not None
        and user.may_act_as(each.role)
        and (not each.command or backend.has(each.command))
        and (each.key != "inbox" or backend.mailbox is not None)
    ]
