"""Connections whose sessions are recorded, so that ordinary ones have no branch for it."""

from collections.abc import Callable
from typing import Final

from gatepost.failures.injection import Injection
from gatepost.model.session_record import SessionLine
from gatepost.net.server_stream import ServerStream
from gatepost.relay.client_connection import Receiver
from gatepost.relay.listener_state import ListenerState
from gatepost.relay.scripted_connection import ScriptedReceiver
from gatepost.relay.session_recording import SessionRecording
from gatepost.relay.shared_by_connections import Relay
from gatepost.wire.server.interruptible_session import InterruptibleSession, interruptible_kind
from gatepost.wire.server.quirky_session import session_kind
from gatepost.wire.server.recorded_session import make_recorded
from gatepost.wire.server.session import Session, SessionSettings
from gatepost.wire.server.session_log import LONG
from gatepost.wire.server.session_transcript import SessionTranscript

_CHALLENGE: Final = SessionTranscript.challenge
_CHALLENGE_CODE: Final = b"334 "
"""Begins a reply that may be a part of a proof; others may be sent before it at once."""


class _Recording(Receiver):
    """Any handler of an accepted stream, with a recording of its session."""

    _recording: SessionRecording
    _lines: list[SessionLine]
    _clock: Callable[[], float]
    """Those of the recording."""
    _write: Callable[[bytes], None]
    """Sends octets."""

    def __init__(
        self,
        relay: Relay,
        state: ListenerState,
        on_lost: Callable[[Receiver], None],
        *,
        unwanted: bool = False,
    ) -> None:
        super().__init__(relay, state, on_lost, unwanted=unwanted)
        self._is_lost = self._is_under_tls = False

    def on_accept(self, stream: ServerStream) -> None:
        state, peer, recorder = self._listener, stream.peer_address, self._relay.recorder
        assert recorder is not None  # noqa: S101 - the supervisor has looked
        recording = recorder.begin(peer, state.name, state.lane, self.report)
        self._recording = self.report = recording
        self._lines, self._clock = recording.lines, recording.clock
        super().on_accept(stream)

    def on_proxy_header(self) -> None:
        self._recording.peer = self.peer
        super().on_proxy_header()

    def _record(self, session: Session) -> None:
        self._recording.session = session
        if session.encrypted:
            self._note_tls()

    def _note_tls(self) -> None:
        tls = self._stream.tls
        self._is_under_tls = True
        self._recording.start_tls("" if tls is None else tls.version)

    def on_tls(self) -> None:
        self._note_tls()
        super().on_tls()

    def on_close(self) -> None:
        self._is_lost = True
        super().on_close()

    def _leave(self) -> None:
        super()._leave()
        if self._is_lost:  # not before, or while a message is being stored
            self._recording.end()

    def _flush(self) -> None:
        octets = self._session.send()
        if octets:
            lines, recording = self._lines, self._recording
            if _CHALLENGE_CODE in octets:
                recording.note(_CHALLENGE, octets)
            else:
                lines.append((self._clock(), "S", octets, self._is_under_tls, None))
            if len(lines) > recording.most or len(octets) > LONG:
                recording.read()
            self._write(octets)


class RecordedReceiver(_Recording):
    """An ordinary connection."""

    def on_accept(self, stream: ServerStream) -> None:
        self._write = stream.write
        super().on_accept(stream)

    def _make_session(self, setting: SessionSettings, peer: str, *, encrypted: bool) -> Session:
        kind = session_kind(setting.profile)
        session = make_recorded(kind, setting, peer, self._recording, encrypted=encrypted)
        self._record(session)
        return session


class RecordedScriptedReceiver(_Recording, ScriptedReceiver):
    """A connection where rules of scripted failures are asked."""

    def _make_session(
        self, setting: SessionSettings, peer: str, *, encrypted: bool
    ) -> InterruptibleSession:
        kind = interruptible_kind(setting.profile)
        session = make_recorded(kind, setting, peer, self._recording, encrypted=encrypted)
        self._record(session)
        return session

    def _session_id(self) -> str:
        return self._recording.id

    def _inject(self, injection: Injection) -> None:
        self._recording.inject(injection)
        super()._inject(injection)
