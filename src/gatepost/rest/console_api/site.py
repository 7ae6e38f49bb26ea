"""What Gatepost's own API needs of the relay around it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from gatepost.rest.console_api.event_bus import EventBus
from gatepost.rest.request_bodies import Intake


class Operate(Protocol):
    """Runs an operation of the control socket."""

    async def __call__(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the document of ``operation``: the command, a dot, and the operation.

        Raises what ``refusals.refusal_of`` knows.
        """


async def _is_in_no_inbox(_message: str, _inbox: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class ConsoleApiSite:
    """What the API needs."""

    operate: Operate
    bus: EventBus
    intake: Intake = field(default_factory=Intake)
    """Receives the bodies of requests."""
    is_in_inbox: Callable[[str, str], Awaitable[bool]] = _is_in_no_inbox
    """Tells whether a message is in an inbox, by their ids."""
