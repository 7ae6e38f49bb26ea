"""A session that notes what is said, so that an ordinary session has no branch for it."""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from gatepost.model.session_record import SessionLine
from gatepost.wire.server import events
from gatepost.wire.server.session import Session, SessionSettings, command_table
from gatepost.wire.server.session_log import LONG, SessionLog
from gatepost.wire.server.session_transcript import SAFE_COMMANDS, SessionTranscript

_COMMAND: Final = SessionTranscript.command
_NAME: Final = SessionTranscript.name
_RESPONSE: Final = SessionTranscript.response
T = TypeVar("T", bound=Session)


class _Recording(Session):
    """Any session that notes its commands and responses; its connection notes what is sent."""

    __slots__ = ()

    log: SessionLog
    lines: list[SessionLine]
    """Those of the log."""
    clock: Callable[[], float]

    def _command(self, line: bytes) -> events.Event | None:
        if line[:5] in SAFE_COMMANDS:
            self.lines.append((self.clock(), "C", line, self.encrypted, None))
        else:
            self.log.note(_COMMAND, line)
        return super()._command(line)

    def _respond(self, line: bytes) -> events.Event:
        self.log.note(_RESPONSE, line)
        if len(line) > LONG:
            self.log.read()
        return super()._respond(line)

    def _line_limit(self) -> int:
        if not self._auth_open:  # a long command, which is noted next
            self.log.read()
        return super()._line_limit()

    def _line_too_long(self) -> events.Event | None:
        self._note(b"[a line that is too long]")
        return super()._line_too_long()

    def _end_content(self, chunk: bytes, *, is_undotted: bool = False) -> events.Event:
        self._note(b"[%d octets of content]" % self._received)
        return super()._end_content(chunk, is_undotted=is_undotted)

    def _note(self, act: bytes) -> None:
        self.lines.append((self.clock(), "C", act, self.encrypted, None))

    def greet(self, name: str, *, extended: bool) -> None:
        self.log.note(_NAME, name)
        super().greet(name, extended=extended)


def make_recorded(
    kind: type[T], setting: SessionSettings, peer: str, log: SessionLog, *, encrypted: bool = False
) -> T:
    """Return a session of this kind that is recorded."""
    recorded = _RECORDED.get(kind)
    if recorded is None:
        members = {
            "__slots__": ("clock", "lines", "log"),
            "__doc__": "A session that is recorded.",
        }
        name = f"Recorded{kind.__name__.strip('_')}"
        recorded = _RECORDED[kind] = type(name, (_Recording, kind), members)
    session: Any = recorded(setting, peer, encrypted=encrypted)
    session.log, session.lines, session.clock = log, log.lines, log.clock
    log.commands = command_table(setting)
    return cast("T", session)


_RECORDED: Final[dict[type[Session], type[Session]]] = {}
"""The recorded kinds of sessions, by the kind that each records."""
