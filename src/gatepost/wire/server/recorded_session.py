"""A session whose lines are recorded, so that an ordinary session has no branch for it."""

import re
from typing import Any, Final, TypeVar, cast

from gatepost.wire.server import events
from gatepost.wire.server.session import Session, SessionSettings
from gatepost.wire.server.session_log import NOTE_SIZE, SessionLog
from gatepost.wire.server.session_transcript import SessionTranscript

_SAFE_COMMANDS: Final = frozenset(
    spelled
    for verb in (b"MAIL ", b"RCPT ", b"EHLO ", b"HELO ", b"BDAT ", b"DATA", b"RSET", b"QUIT")
    for spelled in (verb, verb.lower(), verb.capitalize())
)
"""How a line begins that is shown with its arguments, or has none."""
_CLIENT: Final = SessionTranscript.client
_COMMAND: Final = SessionTranscript.command
_NAME: Final = SessionTranscript.name
_RESPONSE: Final = SessionTranscript.response
_SERVER: Final = SessionTranscript.server
_STRAY: Final = SessionTranscript.stray
T = TypeVar("T", bound=Session)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class _Recording(Session):
    """Any session that notes its commands and responses, and what is sent."""

    __slots__ = ()

    log: SessionLog

    def _command(self, line: bytes) -> events.Event | None:
        log = self.log
        log.room -= len(line) + NOTE_SIZE
        notes = log.notes
        if line[:5] in _SAFE_COMMANDS:
            notes += (_CLIENT, log.clock(), line)
            return super()._command(line)
        event = super()._command(line)
        is_command = line.partition(b" ")[0].upper() in self._table and not _CONTROL.search(line)
        notes += (_COMMAND if is_command else _STRAY, log.clock(), line)
        return event

    def _respond(self, line: bytes) -> events.Event:
        log = self.log
        log.notes += (_RESPONSE, log.clock(), line)
        return super()._respond(line)

    def _line_too_long(self) -> events.Event | None:
        log = self.log
        log.notes += (_CLIENT, log.clock(), b"[a line that is too long]")
        return super()._line_too_long()

    def _end_content(self, chunk: bytes, *, is_undotted: bool = False) -> events.Event:
        log = self.log
        log.notes += (_CLIENT, log.clock(), b"[%d octets of content]" % self._received)
        return super()._end_content(chunk, is_undotted=is_undotted)

    def send(self) -> bytes:
        octets = super().send()
        if octets:
            log = self.log
            log.notes += (_SERVER, log.clock(), octets)
            log.room -= len(octets) + NOTE_SIZE
            if log.room < 0:
                log.read()
        return octets

    def greet(self, name: str, *, extended: bool) -> None:
        log = self.log
        log.notes += (_NAME, log.clock(), name)
        super().greet(name, extended=extended)


def make_recorded(
    kind: type[T], setting: SessionSettings, peer: str, log: SessionLog,
    *, encrypted: bool = False,
) -> T:  # fmt: skip
    """Return a session of this kind that is recorded."""
    recorded = _RECORDED.get(kind)
    if recorded is None:
        members = {"__slots__": ("log",), "__doc__": "A session that is recorded."}
        name = f"Recorded{kind.__name__.strip('_')}"
        recorded = _RECORDED[kind] = type(name, (_Recording, kind), members)
    session: Any = recorded(setting, peer, encrypted=encrypted)
    session.log = log
    return cast("T", session)


_RECORDED: Final[dict[type[Session], type[Session]]] = {}
"""The recorded kinds of sessions, by the kind that each records."""
