"""HTTP/1.1 as h11 reads it, without what only an attacker sends."""

from typing import Any, Final

import h11

MAX_HEAD: Final = 65_536
"""Octets of a request's header."""
MOST_SMALL: Final = 10_000
"""Small pieces of one body. Each takes ten microseconds, in which nobody else is heard."""
SMALL: Final = 64
"""Octets of a piece that is not small."""


class StrictConnection(h11.Connection):
    """A server's connection. What it refuses is answered with 400, and ends it."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD)
        self._small = 0

    def next_event(self) -> Any:
        """Return what came next. Raises h11.RemoteProtocolError."""
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
