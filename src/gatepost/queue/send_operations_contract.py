"""What a store keeps about send operations. ``tests/contract/test_operations.py`` specifies it."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from gatepost.model.delivery import Lease, Planned
from gatepost.model.message import Submission
from gatepost.model.send_operation import SendOperation


class OperationStore(Protocol):
    """The operations of a store.

    Each is kept for 24 hours, and then as long as the store keeps mail of the same age.
    """

    def put(self, submission: Submission, operation: SendOperation) -> Awaitable[None]:
        """Store a message and its operation in one commit; both have the same id.

        Promises and raises what ``Store.put`` does; also QueueError if the id exists already.
        """

    async def get(self, id: str) -> SendOperation:
        """Return an operation. Raises KeyError."""

    async def has_message_id(self, message_id: str) -> bool:
        """Tell whether an operation has this Message-ID, chosen by its client."""


class QueuedOperations(OperationStore, Protocol):
    """Operations whose messages may be relayed."""

    def queue(
        self,
        submission: Submission,
        operation: SendOperation,
        planned: Sequence[Planned],
        *,
        leased: bool = True,
    ) -> Awaitable[tuple[Lease, ...]]:
        """Queue a message and store its operation in one commit, as ``Deliveries.put``."""


class SendingStore(Protocol):
    """Where the HTTP APIs put accepted mail: messages, and the operations that sent them."""

    def put(self, submission: Submission) -> Awaitable[None]:
        """As ``Store.put``."""

    @property
    def operations(self) -> OperationStore:
        """The operations of the e-mail REST API."""
