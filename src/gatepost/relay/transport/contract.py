"""The plug point Transport: one way for messages to leave.

A transport makes one attempt at one server. ``queue.fail_over`` decides which targets of a route
and which servers of a target are tried, and ``relay.settler`` records the result.
"""

from collections.abc import Callable
from typing import Protocol

from gatepost.model.body import Body
from gatepost.model.delivery import Lease
from gatepost.model.route import ServerAddress
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.why import AttemptStep


class Transport(Protocol):
    """One target of a configuration; ``tests/contract/test_transports.py`` is the specification.

    It keeps connections open between messages, and closes each after
    ``HopLimits.messages_per_connection``. It opens a new one whenever none is idle; the caller
    limits how many attempts are made at the same time.
    """

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> AttemptResult:
        """Make one attempt to deliver to ``server``.

        ``body`` is the client's content, which the transport sends behind ``lease.message.trace``.
        ``deadline`` is a time of the running loop's clock at which the attempt fails. Failures of
        the peer, the network or a token source are returned; an exception is an internal error.
        When cancelled, the method drops the connection, and the result is unknown; but if the peer
        has accepted the message, and only its result is awaited, that is returned.
        """

    def watch(self, greeted: Callable[[str], None]) -> None:
        """Call ``greeted`` with the id of a delivery when a server has greeted on the connection
        that was opened for it. Not called by transports whose servers do not greet."""

    def step(self, delivery: str) -> AttemptStep:
        """Return the step that the attempt at a delivery has reached; empty if unknown."""

    async def retire(self) -> None:
        """Close idle connections and keep no more of them, because another transport takes over.
        Current attempts go on."""

    async def close(self) -> None:
        """Send QUIT on idle connections, and close them."""


class Unconnected:
    """The part of Transport for implementations without connections of their own."""

    def watch(self, greeted: Callable[[str], None]) -> None:
        """Nobody greets."""
        del greeted

    def step(self, delivery: str) -> AttemptStep:
        """Return an empty step: it is unknown."""
        del delivery
        return ""

    async def retire(self) -> None:
        """There is nothing to close."""

    async def close(self) -> None:
        """There is nothing to close."""


class Around:
    """The part of Transport for what changes the messages of another one."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    def watch(self, greeted: Callable[[str], None]) -> None:
        self._inner.watch(greeted)

    def step(self, delivery: str) -> AttemptStep:
        return self._inner.step(delivery)

    async def retire(self) -> None:
        await self._inner.retire()

    async def close(self) -> None:
        await self._inner.close()
