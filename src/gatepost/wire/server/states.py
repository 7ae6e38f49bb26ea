"""The states of a session between commands (RFC 5321 4.1.4)."""

from enum import Enum, auto
from typing import Final


class State(Enum):
    """What was said so far; what an event's answer makes of it is in ``Session``."""

    START = auto()
    """Connected, or just under TLS: nothing is known about the client."""
    READY = auto()
    """Greeted; no transaction."""
    SENDER = auto()
    """MAIL was accepted."""
    RECIPIENTS = auto()
    """At least one RCPT was accepted."""
    CHUNKS = auto()
    """BDAT began; only BDAT and RSET may follow (RFC 3030 2)."""


States = tuple[State, ...]

ANY: Final[States] = tuple(State)
READY: Final[States] = (State.READY,)
IN_TRANSACTION: Final[States] = (State.SENDER, State.RECIPIENTS)
