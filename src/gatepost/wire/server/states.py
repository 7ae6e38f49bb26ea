"""Where a session stands (RFC 5321 4.1.4), and what moves it."""

from collections.abc import Mapping
from enum import Flag, auto
from typing import Final

from gatepost.wire.server import events


class State(Flag):
    """The states between commands. Flags, so that a command can name several."""

    START = auto()
    """Connected, or just under TLS: nothing is known of the client."""
    READY = auto()
    """Greeted; no transaction."""
    SENDER = auto()
    """MAIL was accepted."""
    RECIPIENTS = auto()
    """At least one RCPT was accepted."""
    CHUNKS = auto()
    """BDAT began; only BDAT and RSET may follow (RFC 3030 2)."""


ANY: Final = State.START | State.READY | State.SENDER | State.RECIPIENTS | State.CHUNKS
GREETED: Final = ANY & ~State.START

ON_SUCCESS: Final[Mapping[type[events.Event], State]] = {
    events.StartTls: State.START,
    events.Sender: State.SENDER,
    events.Rcpt: State.RECIPIENTS,
    events.Message: State.READY,
}
"""The state after a 2yz answer to an event; a refusal leaves it (a message always ends)."""
