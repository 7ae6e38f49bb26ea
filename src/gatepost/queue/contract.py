"""The store's promise. ``tests/contract/test_store.py`` is the specification."""

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gatepost.model.body import Body
from gatepost.model.message import StoredMessage, Submission


@dataclass(frozen=True, slots=True)
class Selection:
    """Which captured messages are meant; an empty one means all.

    ``to`` matches a recipient's address, case-insensitively and whole;
    ``subject`` is a regular expression, searched in the decoded subject.
    """

    to: str = ""
    subject: str = ""
    limit: int | None = None
    """Newest first."""


class Store(Protocol):
    """Captured mail, its bodies included: in memory, or in SQLite."""

    def new_epoch(self) -> Awaitable[int]:
        """Return a number that no owner of this store ever had; ids are made from it."""

    def put(self, submission: Submission) -> Awaitable[None]:
        """Return only when the message would survive a power cut.

        The awaitable is a future of the running loop. It raises QueueFull (no
        room: 452) or QueueError (the sync failed: 451); then the client was
        told no 250, though the message may survive as a permitted duplicate.
        """

    @property
    def refusal(self) -> str:
        """Why there is no room now (452); empty if there is. A failed sync shows at ``put``."""

    async def list(self, selection: Selection = Selection()) -> Sequence[StoredMessage]:
        """Return captured messages, newest first."""

    async def count(self) -> int:
        """Return how many messages are captured."""

    async def get(self, id: str) -> StoredMessage:
        """Return one message (``last``: the newest). Raises KeyError."""

    async def trace(self, id: str) -> bytes:
        """Return the trace fields that were put on top of the message. Raises KeyError."""

    async def body(self, id: str) -> Body:
        """Return its content, whose checksum is verified as it is read. Raises KeyError."""

    async def delete(self, ids: Iterable[str] | None) -> int:
        """Delete these, or all when None; return how many were there."""

    async def wait(self, selection: Selection, timeout: float) -> StoredMessage | None:
        """Return the newest match, now or as soon as one is captured; None after ``timeout`` s."""
