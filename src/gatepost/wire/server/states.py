"""The states of a session between commands (RFC 5321 4.1.4)."""

from enum import Enum, auto
from typing import Final


class State(Enum):
    """What was said so far. ``Session`` changes the state when an event is answered."""

    START = auto()
    """Connected, or TLS has just begun: nothing is known about the client."""
    READY = auto()
    """After EHLO or HELO; no transaction."""
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
