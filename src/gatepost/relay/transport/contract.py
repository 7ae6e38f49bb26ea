"""The plug point Transport: one way for messages to leave.

A transport makes one attempt at one server. ``relay.attempt`` decides which targets of a route and
which servers of a target are tried, and ``relay.settler`` records the result.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from gatepost.errors import GatepostError, Phase
from gatepost.model.body import Body
from gatepost.model.delivery import Attempt, Lease, Verdict
from gatepost.model.evidence import Evidence
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.host_port import bracketed, join_host_port
from gatepost.model.reply import Reply
from gatepost.queue.why import Step


class Place(NamedTuple):
    """One server to try. Fields that do not apply to a target, such as an API's, are empty."""

    host: str = ""
    """Its name, for which its certificate must be valid."""
    port: int = 0
    address: str = ""
    """The IP address to connect to; empty: the addresses of ``host`` in turn."""

    def __str__(self) -> str:
        return join_host_port(self.host, self.port) if self.port else bracketed(self.host)


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error reply and the phase of the dialogue that it ended; shaping learns from it."""

    reply: Reply
    phase: Phase


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of one attempt."""

    attempt: Attempt
    verdicts: tuple[Verdict, ...]
    """One for each of ``lease.delivery.waiting``, in order. Refusals before MAIL, lost connections
    and missing credentials are ``deferred``: they are not about the message."""
    error_replies: tuple[ErrorReply, ...] = ()
    """Error replies, those to RCPT included, in order and without duplicates."""
    accepted: int = 0
    """Recipients that the server accepted before it refused one as too many."""
    passed_on: bool = False
    """NOTIFY was passed on to a server that offers DSN, which will report successes itself."""
    is_final: bool = False
    """The message is in its final mailbox (capture), not relayed."""
    retry_after: float = 0.0
    """Seconds to wait, as asked for by the server or token endpoint (RFC 9110 10.2.3)."""
    before: tuple[Attempt, ...] = ()
    """The results of targets that were asked earlier in the same attempt."""
    others_may: bool = False
    """Another target, or another exchanger of a domain, may be asked at once for the deferred
    recipients, because others were not deferred."""
    error: GatepostError | None = None
    """The exception that ended the attempt; its ``slug``, if any, is a finding's id."""
    evidence: Evidence | None = None
    """Evidence of a login that was refused or could not be tried, for the doctor."""
    is_kept: bool = False
    """The connection had signed in for an earlier message, so this attempt had no login."""
    has_shown_secret: bool = True
    """If the login failed: the server got the secret, or may have checked it."""
    soon: float = 0.0
    """Seconds after which it is tried again, if its schedule has no earlier time: the login failed,
    and will probably work; 0: the schedule counts."""


class Transport(Protocol):
    """One target of a configuration; ``tests/contract/test_transports.py`` is the specification.

    It keeps connections open between messages, and closes each after
    ``HopLimits.messages_per_connection``. It opens a new one whenever none is idle; the caller
    limits how many attempts are made at the same time.
    """

    async def deliver(
        self, lease: Lease, body: Body, place: Place, deadline: float
    ) -> AttemptResult:
        """Make one attempt to deliver to ``place``.

        ``body`` is the client's content, which the transport sends behind ``lease.message.trace``.
        ``deadline`` is a time of the running loop's clock at which the attempt fails. Failures of
        the peer, the network or a token source are returned; an exception is an internal error.
        When cancelled, the method drops the connection, and the result is unknown; but if the peer
        has accepted the message, and only its result is awaited, that is returned.
        """

    def watch(self, greeted: Callable[[str], None]) -> None:
        """Call ``greeted`` with the id of a delivery when a server has greeted on the connection
        that was opened for it. Not called by transports whose servers do not greet."""

    def step(self, delivery: str) -> Step:
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

    def step(self, delivery: str) -> Step:
        """Return an empty step: it is unknown."""
        del delivery
        return ""

    async def retire(self) -> None:
        """There is nothing to close."""

    async def close(self) -> None:
        """There is nothing to close."""
