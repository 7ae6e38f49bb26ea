"""How a message leaves: the plug point Transport.

``relay.attempt`` walks the targets of a route's chain and the places of a target, and settles;
a transport makes one try at one place, and tells what it came to.
"""

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
    """One server to try; what a target that is no server has none of is empty."""

    host: str = ""
    """The name that its certificate must have."""
    port: int = 0
    address: str = ""
    """The IP address to connect to; empty: all that the system finds for ``host``, in turn."""

    def __str__(self) -> str:
        return join_host_port(self.host, self.port) if self.port else bracketed(self.host)


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply that was no success, and the step that it came to: what shaping learns from."""

    reply: Reply
    phase: Phase


@dataclass(frozen=True, slots=True)
class Handed:
    """What one try came to."""

    attempt: Attempt
    verdicts: tuple[Verdict, ...]
    """One for each of ``lease.delivery.waiting``, in order. A refusal before MAIL, a lost
    connection, a missing credential are ``deferred``: they are not about the message."""
    heard: tuple[Heard, ...] = ()
    """Bad replies, RCPT's among them, in order; equal ones once."""
    accepted: int = 0
    """Recipients that the server took, before it refused one for their number."""
    passed_on: bool = False
    """The server offers DSN, and was given NOTIFY: it tells of a success itself."""
    is_final: bool = False
    """The message has reached its mailbox: capture."""
    retry_after: float = 0.0
    """Seconds that the server, or who gives tokens for it, asks to wait (RFC 9110 10.2.3)."""
    others_may: bool = False
    """Another target may be asked at once for those that were put off, while others were not."""
    error: GatepostError | None = None
    """What was raised, with its ``slug`` (a finding's id) where it has one."""
    evidence: Evidence | None = None
    """What a refused sign-in, or one that could not be tried, was seen of: for the doctor."""


class Transport(Protocol):
    """One target of a configuration; ``tests/contract/test_transports.py`` is the specification.

    It holds the connections that are kept, and closes one after
    ``HopLimits.messages_per_connection``. How many tries are made at once is the caller's to
    say, so it opens a connection whenever none is idle.
    """

    async def deliver(self, lease: Lease, body: Body, place: Place, deadline: float) -> Handed:
        """Try to hand ``lease.envelope`` over at ``place``.

        ``body`` is the client's content; the transport puts ``lease.message.trace`` on top.
        ``deadline`` is a time of the running loop's clock after which it has failed. Whatever
        the peer, the network or a token's source does is a Handed; what is raised is a fault
        of ours. When it is cancelled it drops the connection: what became of the message is
        unknown then.
        """

    def step(self, delivery: str) -> Step:
        """Return how far the try of a delivery has come; empty where nobody can tell."""

    async def retire(self) -> None:
        """Close what is idle, and keep no connection any more: another has our place. A try that is
        being made goes on, and opens one where it needs one."""

    async def close(self) -> None:
        """Say QUIT on what is idle, and close it."""


class Unconnected:
    """The half of a Transport that is the same for all that keep no connection of their own."""

    def step(self, delivery: str) -> Step:
        """Nobody can tell."""
        del delivery
        return ""

    async def retire(self) -> None:
        """There is nothing to close."""

    async def close(self) -> None:
        """There is nothing to close."""
