"""A recorded SMTP session: its facts, and its lines without secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

SessionResult = Literal["accepted", "refused", "dropped", "tls_failed", "idle"]
SESSION_SIZE: Final = 1_024
"""Octets of memory counted for a session without its lines."""
LINE_SIZE: Final = 160
"""Octets of memory counted for a line besides its text."""

Speaker = Literal["C", "S", "*"]
"""The client, the server, or an act of the server without words."""
SessionLine = tuple[float, Speaker, bytes, bool, Mapping[str, Any] | None]
"""What one side sent at once: when, in seconds since the session began; who; the octets, of ``*``
the name of the act; whether under TLS; and further keys for JSON. It is a tuple because a session
has many, and most of them are never read."""


pack_lines = msgspec.msgpack.Encoder().encode
"""Returns lines as ``SessionRecord.packed_lines``."""
_UNPACK: Final = msgspec.msgpack.Decoder(list[SessionLine])


def unpack_lines(packed: bytes) -> Sequence[SessionLine]:
    """Return packed lines."""
    return _UNPACK.decode(packed) if packed else ()


def text_of(line: SessionLine) -> str:
    """Return the text of a line: one or more lines, separated by ``\\n``, without the last end."""
    text = line[2].decode("utf-8", "replace").replace("\r\n", "\n")
    return text.removesuffix("\n")


@dataclass(frozen=True, slots=True)
class RefusedLogin:
    """One refused AUTH."""

    at: float
    """Seconds since the session began."""
    mechanism: str
    username: str
    """As a log may show it."""
    reply: str
    reason: str


@dataclass(slots=True)
class SessionRecord:
    """What is kept of a session. It has no secrets, and no content of messages."""

    id: str
    at: float
    """When it began, in seconds since 1970."""
    peer: str = ""
    listener: str = ""
    lane: str = ""
    seconds: float | None = None
    """How long it lasted; None: it is still open."""
    tls: str = ""
    """The version of TLS, as in TLSv1.3; empty: there was none."""
    ehlo: str = ""
    mechanism: str = ""
    username: str = ""
    """As a log may show it; empty before the client has sent one."""
    application_id: str = ""
    result: SessionResult | None = None
    """None: it is still open."""
    reply: str = ""
    """The last refusal as the client got it."""
    phase: str = ""
    """What was refused: ``connect``, ``tls``, ``auth`` or ``mail``."""
    reason: str = ""
    """The last refusal as the operator's log explains it."""
    messages: list[str] = field(default_factory=list)
    """The ids of accepted messages; only the last ones of very many."""
    refused_logins: list[RefusedLogin] = field(default_factory=list)
    packed_lines: bytes = b""
    """The lines as MessagePack: many small objects would push others out of the processor's
    cache."""
    left_out: int = 0
    """Number of lines that are not kept, between the first and the last ones."""

    @property
    def lines(self) -> Sequence[SessionLine]:
        """The lines, without secrets."""
        return unpack_lines(self.packed_lines)

    @property
    def size(self) -> int:
        """The octets of memory that it takes, roughly."""
        others = len(self.messages) + len(self.refused_logins)
        return SESSION_SIZE + len(self.packed_lines) + others * LINE_SIZE
