"""A mailbox in memory, and mail for it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from gatepost.mailbox.entries import MessageFacts
from gatepost.mailbox.mailbox import Mailbox
from gatepost.mime.header_summary import read_summary
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import StoredMessage, Submission
from gatepost.testing.memory import MemoryStore

NOON = datetime(2026, 11, 30, 12, 0, 0, 123_456, tzinfo=UTC)
TRACE = b"Received: by localhost\r\n"


class World:
    """A mailbox, and the facts that others know of its messages."""

    def __init__(self, store: Any = None) -> None:
        self.store = MemoryStore() if store is None else store
        self.facts: dict[str, MessageFacts] = {}
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.mailbox = Mailbox(self.store, self._facts_of)
        self._number = 0

    def report(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))

    async def put(
        self,
        content: bytes | str,
        to: Sequence[str] = ("bob@example.net",),
        sender: str = "ann@example.org",
        facts: MessageFacts | None = None,
        **others: Any,
    ) -> str:
        """Store a message; return its id."""
        self._number += 1
        octets = content.encode() if isinstance(content, str) else content
        octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        summary = read_summary(octets)
        submission = Submission(
            id=others.pop("id", f"m{self._number}"),
            envelope=Envelope(
                parse_address(sender) if sender else None,
                tuple([Recipient(parse_address(each)) for each in to]),
            ),
            body=BytesBody(octets),
            trace=TRACE,
            received_at=others.pop("at", NOON + timedelta(seconds=self._number)),
            subject=summary.subject,
            message_id=summary.message_id,
            **others,
        )
        if facts is not None:
            self.facts[submission.id] = facts
        await self.store.put(submission)
        return submission.id

    def _facts_of(self, message: StoredMessage) -> MessageFacts:
        return self.facts.get(message.id, MessageFacts())


@asynccontextmanager
async def world(store: Any = None) -> AsyncIterator[World]:
    """Run a mailbox."""
    made = World(store)
    await made.mailbox.start(made.report)
    try:
        yield made
    finally:
        await made.mailbox.close()
