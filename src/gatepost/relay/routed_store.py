"""Accepts mail for relaying: a store whose ``put`` queues deliveries by the routes."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from gatepost.errors import QueueError
from gatepost.model.address import Address
from gatepost.model.body import Body
from gatepost.model.delivery import Lease, Planned
from gatepost.model.envelope import Recipient
from gatepost.model.message import StoredMessage, Submission
from gatepost.model.send_operation import SendOperation
from gatepost.queue.deliveries_contract import Deliveries
from gatepost.queue.recipient_grouping import Groups
from gatepost.queue.send_operations_contract import QueuedOperations
from gatepost.queue.store_contract import Selection, Store
from gatepost.relay.deliverer import Deliverer
from gatepost.relay.safe_error_text import error_of
from gatepost.relay.spool import FileBody
from gatepost.routing.route import Router

Keep = Callable[[], Awaitable[None]]
"""Captures a message."""
Queue = Callable[[Sequence[Planned], bool], Awaitable[tuple[Lease, ...]]]
"""Queues a message for these deliveries, leased or not."""


class SuppressedRecipients(Protocol):
    """Knows the recipients to whom nothing is sent."""

    def suppressed(self, submission: Submission) -> frozenset[Address]:
        """Return the recipients to whom a message must not be sent."""

    async def record_suppressed(self, submission: Submission, some: Collection[Address]) -> None:
        """Record that these recipients of a message get nothing. Raises QueueError."""


class ReturnedMail(Protocol):
    """Reads the bounces that come back to addresses of ours."""

    def is_returned(self, submission: Submission) -> bool:
        """Tell whether a message is for such an address."""

    def others(self, submission: Submission) -> tuple[Recipient, ...]:
        """Return the recipients of a message who have no such address."""

    async def try_take(self, submission: Submission) -> bool:
        """Record what a message says; tell whether it is about mail of ours. Raises QueueError."""

    async def note_kept(self, submission: Submission) -> None:
        """Note that a message for such an address was accepted."""


class RoutedStore:
    """Implements ``queue.store_contract.Store``: mail with a next hop is queued, the rest captured.

    A message whose recipients are all suppressed is captured, too. It lists and shows captured
    messages only.
    """

    def __init__(
        self,
        store: Store,
        deliveries: Deliveries,
        deliverer: Deliverer,
        suppression: SuppressedRecipients | None = None,
        returned: ReturnedMail | None = None,
    ) -> None:
        self._store, self._deliveries = store, deliveries
        self._suppression, self._returned = suppression, returned
        self.use(deliverer)

    @property
    def router(self) -> Router:
        """The current routes, for checks of recipients."""
        return self._routes.router

    def use(self, deliverer: Deliverer) -> None:
        """Use a deliverer, and its routes, from now on; again after a reload."""
        self._routes, self._deliverer = deliverer.routes, deliverer

    def new_epoch(self) -> Awaitable[int]:
        return self._store.new_epoch()

    @property
    def refusal(self) -> str:
        return self._store.refusal

    def put(self, submission: Submission) -> Awaitable[None]:
        """As ``Store.put``. Raises QueueError (451) if a recipient has no route any more."""
        return self.accept(
            submission,
            lambda: self._store.put(submission),
            lambda planned, leased: self._deliveries.put(submission, planned, leased=leased),
        )

    def put_on_route(self, name: str, submission: Submission) -> Awaitable[None]:
        """As ``put``, by the route with a name, whatever its recipients. Raises KeyError."""
        route = self._routes.named(name)
        if route is None:
            raise KeyError(name)
        groups = self._routes.plan(submission, self._deliverer.recipients, by=route)
        return self._accept(
            submission,
            groups,
            lambda: self._store.put(submission),
            lambda planned, leased: self._deliveries.put(submission, planned, leased=leased),
        )

    def accept(self, submission: Submission, keep: Keep, queue: Queue) -> Awaitable[None]:
        """The same for a message that is stored by a function of its own."""
        if self._suppression is not None:
            suppressed = self._suppression.suppressed(submission)
            if suppressed:
                others = self._accept_others(submission, suppressed, keep, queue)
                return asyncio.ensure_future(others)
        if self._returned is not None and self._returned.is_returned(submission):
            return asyncio.ensure_future(self._accept_returned(submission, keep, queue))
        groups = self._routes.plan(submission, self._deliverer.recipients)
        return self._accept(submission, groups, keep, queue)

    async def _accept_returned(self, submission: Submission, keep: Keep, queue: Queue) -> None:
        """Read a bounce, then accept it by its route; what is none of ours is accepted for its
        other recipients only."""
        assert self._returned is not None  # noqa: S101 - it has told that this is a bounce
        if not await self._returned.try_take(submission):
            others = self._returned.others(submission)
            if not others:
                return
            envelope = submission.envelope.addressed_to(others)
            submission = replace(submission, envelope=envelope)
        groups = self._routes.plan(submission, self._deliverer.recipients)
        await self._accept(submission, groups, keep, queue)
        if self._returned.is_returned(submission):
            await self._returned.note_kept(submission)

    async def _accept_others(
        self, submission: Submission, suppressed: frozenset[Address], keep: Keep, queue: Queue
    ) -> None:
        """Accept a message for the recipients who are not suppressed.

        Who is suppressed is recorded first: after a crash between the two, the client sends the
        message again.
        """
        recipients = submission.envelope.recipients
        others = tuple([each for each in recipients if each.address not in suppressed])
        if not others:
            await keep()
            return
        assert self._suppression is not None  # noqa: S101 - it has told who is suppressed
        await self._suppression.record_suppressed(submission, suppressed)
        envelope = submission.envelope.addressed_to(others)
        narrowed = replace(submission, envelope=envelope)
        groups = self._routes.plan(narrowed, self._deliverer.recipients)
        await self._accept(narrowed, groups, keep, queue)

    def _accept(
        self, submission: Submission, groups: Groups, keep: Keep, queue: Queue
    ) -> Awaitable[None]:
        if groups.unroutable:
            names = ", ".join(str(each.address) for each in groups.unroutable)
            return _failed(QueueError(f"there is no route for {names}"))
        planned = groups.planned
        if self._routes.is_kept_here(submission.envelope, planned):
            return keep()
        body = submission.body
        deliverer = self._deliverer
        leased = deliverer.has_room(planned, body.size)
        put: asyncio.Future[Any] = asyncio.ensure_future(queue(planned, leased))

        def hand_over(put: "asyncio.Future[tuple[Lease, ...]]") -> None:
            if error_of(put) is not None:
                return
            leases, heir = put.result(), self._deliverer
            if leased and leases:
                # It is for the deliverer that was asked, unless another one has replaced it by now.
                taker = heir if leases[0].epoch == heir.epoch else deliverer
                # A file is removed with its spool; pieces in memory stay while they are referenced.
                taker.take(leases, None if isinstance(body, FileBody) else body)
            else:
                heir.left_in_store(planned)  # it is for the current deliverer

        put.add_done_callback(hand_over)
        return put  # the caller needs to know that it is done

    async def list(self, selection: Selection = Selection()) -> Sequence[StoredMessage]:  # noqa: B008
        return await self._store.list(selection)

    async def count(self) -> int:
        return await self._store.count()

    async def get(self, id: str) -> StoredMessage:
        return await self._store.get(id)

    async def trace(self, id: str) -> bytes:
        return await self._store.trace(id)

    async def body(self, id: str) -> Body:
        return await self._store.body(id)

    async def delete(self, ids: Iterable[str] | None) -> int:
        return await self._store.delete(ids)

    async def wait(self, selection: Selection, timeout: float) -> StoredMessage | None:
        return await self._store.wait(selection, timeout)


class RoutedOperations:
    """Implements ``OperationStore`` over it: mail from the REST API is routed."""

    def __init__(self, store: RoutedStore, operations: QueuedOperations) -> None:
        self._store, self._operations = store, operations

    def put(self, submission: Submission, operation: SendOperation) -> Awaitable[None]:
        return self._store.accept(
            submission,
            lambda: self._operations.put(submission, operation),
            lambda planned, leased: self._operations.queue(
                submission, operation, planned, leased=leased
            ),
        )

    async def get(self, id: str) -> SendOperation:
        return await self._operations.get(id)

    async def has_message_id(self, message_id: str) -> bool:
        return await self._operations.has_message_id(message_id)


def _failed(error: Exception) -> "asyncio.Future[None]":
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    failed.set_exception(error)
    return failed
