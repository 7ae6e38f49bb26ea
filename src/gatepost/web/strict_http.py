"""HTTP/1.1 as h11 reads it, without what only attackers send."""

from typing import Any, Final

import h11

MAX_HEAD: Final = 65_536
"""Octets of a request's header."""
MOST_SMALL: Final = 10_000
"""Maximum number of small pieces of one body. Each takes ten microseconds, in which nothing else
runs."""
SMALL: Final = 64
"""Octets from which a piece is not small."""


class StrictConnection(h11.Connection):
    """A server's connection. What it refuses gets 400, and ends the connection."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD)
        self._small = 0

    def next_event(self) -> Any:
        """Return the next event. Raises h11.RemoteProtocolError."""
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._small += len(event.data) < SMALL
            if self._small > MOST_SMALL:
                raise h11.RemoteProtocolError("a body in too many pieces")
        elif isinstance(event, h11.Request):
            self._small = 0
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:  # RFC 9112 6.1: smuggling
                raise h11.RemoteProtocolError("two lengths of one body")
        return event
