"""Transport into the relay's own store, for ``gatepost messages``."""

from collections.abc import Callable
from datetime import UTC, datetime

from gatepost.errors import QueueError
from gatepost.model.body import Body
from gatepost.model.delivery import Attempt, Contact, Lease, Verdict
from gatepost.model.message import Submission
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import Capture, ServerAddress
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.store_contract import Store
from gatepost.relay.transport.contract import Unconnected

KEPT = Reply(250, "Kept here", Esc(2, 0, 0))
NO_ROOM = Reply(452, "No room to keep it", Esc(4, 3, 1))


class CaptureTransport(Unconnected):
    """Implements Transport. ``next_id`` returns a new id for each captured message."""

    def __init__(self, target: Capture, store: Store, next_id: Callable[[], str]) -> None:
        self.target, self._store, self._next_id = target, store, next_id

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> AttemptResult:
        """Store the message; it is durable when this returns."""
        del server, deadline
        message = lease.message
        submission = Submission(
            self._next_id(), lease.envelope, body, message.trace, message.received_at,
            message.principal, message.subject, message.message_id,
        )  # fmt: skip
        error: QueueError | None = None
        reply = KEPT
        try:
            await self._store.put(submission)
        except QueueError as failed:
            error, reply = failed, NO_ROOM.because(str(failed))
        attempt = Attempt(
            datetime.now(UTC), Contact(self.target.name), "content", reply, is_remote=False
        )
        verdict = Verdict("deferred" if error else "delivered", reply)
        return AttemptResult(
            attempt, (verdict,) * len(lease.envelope.recipients), is_final=True, error=error
        )
