"""A session whose lines are recorded, so that an ordinary session has no branch for it."""

import re
from typing import Any, Final, TypeVar, cast

from gatepost.model.transcript import REDACTED
from gatepost.wire.server import events
from gatepost.wire.server.commands import MECHANISM_NAMES
from gatepost.wire.server.session import Session, SessionSettings
from gatepost.wire.server.session_transcript import SessionTranscript

_SAFE_COMMANDS: Final = frozenset(
    spelled
    for verb in (b"MAIL ", b"RCPT ", b"EHLO ", b"HELO ", b"BDAT ", b"DATA", b"RSET", b"QUIT")
    for spelled in (verb, verb.lower(), verb.capitalize())
)
"""How a line begins that is shown with its arguments, or has none."""
T = TypeVar("T", bound=Session)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class _Recording(Session):
    """Any session, with a transcript of its commands and responses, and of what is sent."""

    __slots__ = ()

    transcript: SessionTranscript

    def _command(self, line: bytes) -> events.Event | None:
        if line[:5] in _SAFE_COMMANDS:
            self.transcript.client(line)
            return super()._command(line)
        event = super()._command(line)
        verb, _, argument = line.partition(b" ")
        verb = verb.upper()
        if verb not in self._table or _CONTROL.search(line):
            self.transcript.stray(line)
        elif verb == b"AUTH":
            word = argument.split(None, 1)[:1]
            name = word[0].decode("latin-1").upper() if word else ""
            self.transcript.login(line, name if MECHANISM_NAMES.fullmatch(name) else "")
        elif argument.strip():
            self.transcript.hide_any(argument)
            self.transcript.client(verb + f" {REDACTED}".encode())
        else:
            self.transcript.client(line)
        return event

    def _respond(self, line: bytes) -> events.Event:
        event = super()._respond(line)
        if isinstance(event, events.AuthResponse):
            self.transcript.learn_response(event.response)
        elif line != b"*":
            self.transcript.hide_any(line)
        self.transcript.client(line if line == b"*" else REDACTED.encode())
        return event

    def _line_too_long(self) -> events.Event | None:
        self.transcript.client(b"[a line that is too long]")
        return super()._line_too_long()

    def _end_content(self, chunk: bytes, *, is_undotted: bool = False) -> events.Event:
        self.transcript.client(b"[%d octets of content]" % self._received)
        return super()._end_content(chunk, is_undotted=is_undotted)

    def send(self) -> bytes:
        octets = super().send()
        if octets:
            self.transcript.server(octets)
        return octets

    def greet(self, name: str, *, extended: bool) -> None:
        self.transcript.ehlo = name
        super().greet(name, extended=extended)


def make_recorded(
    kind: type[T], setting: SessionSettings, peer: str, transcript: SessionTranscript,
    *, encrypted: bool = False,
) -> T:  # fmt: skip
    """Return a session of this kind that is recorded."""
    recorded = _RECORDED.get(kind)
    if recorded is None:
        members = {"__slots__": ("transcript",), "__doc__": "A session that is recorded."}
        name = f"Recorded{kind.__name__.strip('_')}"
        recorded = _RECORDED[kind] = type(name, (_Recording, kind), members)
    session: Any = recorded(setting, peer, encrypted=encrypted)
    session.transcript = transcript
    return cast("T", session)


_RECORDED: Final[dict[type[Session], type[Session]]] = {}
"""The recorded kinds of sessions, by the kind that each records."""
