"""The plug point Store: captured mail. ``tests/contract/test_store.py`` is the specification."""

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gatepost.model.body import Body
from gatepost.model.message import StoredMessage, Submission


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter for captured messages; the default selects all.

    ``to`` must equal a recipient's address, ``sender`` the sender's (``<>``: the null sender), and
    ``account`` the name of who signed in, all without regard to case. ``subject`` is a regular
    expression that is searched in the decoded subject.
    """

    to: str = ""
    subject: str = ""
    limit: int | None = None
    """At most so many, the newest; None: no limit."""
    sender: str = ""
    account: str = ""


class Store(Protocol):
    """Captured mail with its content. Implementations: in memory, and SQLite."""

    def new_epoch(self) -> Awaitable[int]:
        """Return a number that no earlier owner of this store had; message ids begin with it."""

    def put(self, submission: Submission) -> Awaitable[None]:
        """Store a message; return when it would survive a power cut.

        The awaitable is a future of the running loop. It raises QueueFull (no room: 452),
        QueueError (the sync failed: 451), or Unconfirmed (nobody knows: the client gets no reply).
        After an error the client gets no 250, although the message may have been stored; a
        duplicate is permitted then (RFC 5321 4.5.3.2.6).
        """

    @property
    def refusal(self) -> str:
        """Why new mail gets 452; empty if there is room. A failed sync shows only in ``put``."""

    async def list(self, selection: Selection = Selection()) -> Sequence[StoredMessage]:
        """Return captured messages, newest first."""

    async def count(self) -> int:
        """Return how many messages are captured."""

    async def get(self, id: str) -> StoredMessage:
        """Return a message by its id; ``last`` is the newest. Raises KeyError."""

    async def trace(self, id: str) -> bytes:
        """Return the trace fields that precede the client's content. Raises KeyError."""

    async def body(self, id: str) -> Body:
        """Return a message's content; its checksum is verified while reading. Raises KeyError."""

    async def delete(self, ids: Iterable[str] | None) -> int:
        """Delete messages by id, or all for None; return how many existed."""

    async def wait(self, selection: Selection, timeout: float) -> StoredMessage | None:
        """Return the newest match, waiting for one up to ``timeout`` seconds; None if none came."""
