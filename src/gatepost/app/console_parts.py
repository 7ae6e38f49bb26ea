"""What the console shows, and acts on, of the relay around it."""

from collections.abc import Callable
from dataclasses import dataclass

from gatepost.relay.shared_by_connections import Relay


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """The parts of a relay that its console needs."""

    relay: Relay
    refusal: Callable[[], str]
    """Returns why no mail is accepted; empty if it is."""
    command: str
    """Prints a link that signs in, on the machine of the relay."""
