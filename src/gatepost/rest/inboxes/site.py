"""What the API of inboxes needs besides the mailbox."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gatepost.mailbox.lanes import Lane, LaneListener
from gatepost.rest.mailbox import MailboxSite


class LaneKeeper(Protocol):
    """Opens and ends lanes."""

    def all(self) -> Sequence[Lane]:
        """Return the lanes, oldest first."""

    def get(self, name: str) -> Lane:
        """Return a lane. Raises KeyError."""

    async def create(
        self,
        name: str | None,
        ttl: float,
        listeners: Iterable[LaneListener],
        application: str | None,
    ) -> Lane:
        """Open a lane. Raises BadLane, LaneExists, TooManyLanes, NetworkError."""

    async def delete(self, name: str) -> None:
        """End a lane; its mail, rules and counters go with it. Raises KeyError."""


@dataclass(frozen=True, slots=True)
class InboxesSite:
    """What the API of inboxes needs."""

    mailbox: MailboxSite
    lanes: LaneKeeper | None
    """None: this relay has no lanes."""
    url: str
    """The address of the mailbox API."""
    ca_file: str | None
    """A file with the authority of the certificates of lanes."""
    describe: Callable[[], Any] = dict
    """Returns the OpenAPI document of Gatepost's own API."""
