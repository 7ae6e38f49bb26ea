"""The plug point Cluster: several relays, the nodes, that share one store.

A store that one relay has alone has no cluster.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from gatepost.model.delivery import Lease

NodeState = Literal["live", "draining", "silent"]
"""``draining``: it hands back its leases, and stops. ``silent``: it may be dead."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node, as the others see it."""

    name: str
    epoch: int
    program: str
    """The version of Gatepost."""
    state: NodeState
    leases: int
    """Deliveries that it has leased."""
    seen: float
    """Seconds since its last beat."""
    facts: Mapping[str, Any]
    """What it says of itself."""
    is_own: bool
    """It is the node that answers."""


@dataclass(frozen=True, slots=True)
class SharedPause:
    """A login or a next hop that a node has found not to work."""

    key: str
    """What is paused, by a key that means the same on all nodes."""
    seconds: float
    """Until its next trial."""
    reason: str
    needs_operator: bool = False
    """A refused login, which somebody must solve."""
    finding: str = ""
    advice: str = ""
    is_own: bool = False
    """This node has found it."""


@dataclass(frozen=True, slots=True)
class ClusterEvents:
    """What a relay wants to hear; called in its event loop."""

    on_renewal: Callable[[int], None]
    """With the new epoch: others had taken this node for dead, and have all its older leases."""
    on_takeover: Callable[[str, int], None]
    """With the name of a dead node, and how many leases it had: they are due now."""
    on_drain: Callable[[], None]
    """Somebody wants this node to stop."""
    on_pauses: Callable[[Sequence[SharedPause]], None]
    """With all pauses, when one has changed."""
    on_records: Callable[[], None]
    """Some node has changed the directory's objects. Who changed them has also asked all nodes to
    read them (the operation ``records``)."""
    answer: Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
    """With an operation and its fields (JSON): returns the answer for another node."""


class Cluster(Protocol):
    """This node among the others."""

    @property
    def name(self) -> str:
        """The name of this node."""

    @property
    def warning(self) -> str:
        """What is wrong with the store, although mail is accepted; empty: nothing."""

    @property
    def place(self) -> tuple[int, int]:
        """The rank of this node among those that deliver, from 0, and how many they are."""

    async def reserve(self, key: str, number: int, step: float) -> float:
        """Reserve times ``step`` seconds apart, of which nobody else gets one; return the seconds
        until the first. ``key`` is of what they are for. Raises QueueError."""

    async def put_pause(self, pause: SharedPause) -> None:
        """Let all nodes have a pause, which replaces one with its key. Raises QueueError."""

    async def end_pause(self, key: str) -> None:
        """End a pause on all nodes. Raises QueueError."""

    async def count_failure(self, address: str, forgotten: float) -> int:
        """Count a refused login; return how many there were from an address, at any node, with less
        than ``forgotten`` seconds between any two. Raises QueueError."""

    async def try_take_turn(self, key: str, seconds: float, *, is_kept: bool = False) -> bool:
        """Tell whether this node may do what only one may at a time, for so long. Of a node that is
        dead, others take it at once, unless it ``is_kept``: who was only paused may still be doing
        it. Raises QueueError."""

    async def end_turn(self, key: str) -> None:
        """Let others have a turn that was kept. Raises QueueError."""

    async def load_token(self, key: str) -> bytes | None:
        """Return a sealed token; None if there is none. Raises QueueError."""

    async def save_token(self, key: str, sealed: bytes, turn: str) -> None:
        """Store a sealed token for all nodes, unless others have the kept ``turn`` by now: theirs
        is newer. Raises QueueError."""

    def may_attempt(self, lease: Lease) -> bool:
        """Tell whether an attempt may begin, and its content be sent, now.

        False if another node may have the delivery by now: this one was taken for dead, or has not
        been able to show for a while that it lives.
        """

    def follow(self, events: ClusterEvents) -> None:
        """Call ``events`` in the running loop from now on."""

    def describe(self, facts: Callable[[], Mapping[str, Any]]) -> None:
        """Let the list of nodes have these facts (JSON) of this node, too. ``facts`` is called in
        any thread, every few seconds."""

    async def nodes(self) -> Sequence[NodeStatus]:
        """Return all nodes by name."""

    async def try_drain(self, name: str) -> bool:
        """Let a node hand back its leases, and stop; False if there is none with this name."""

    async def ask(
        self, node: str, operation: str, fields: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Return the answer of a node; None if it gave none within two seconds."""

    async def tell(self, operation: str, fields: Mapping[str, Any]) -> None:
        """Ask all other nodes, and wait for their answers for up to two seconds."""
